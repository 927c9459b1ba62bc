-- name: settle
-- End attempts, once each, with all that follows in the same statement: the next queue row or the call's end, and the
-- sums. An attempt that is over already is passed over, so an event that comes twice or late changes nothing.
WITH verdicts AS (
    SELECT * FROM unnest(
        $15::integer[], $16::text[], $17::text[], $18::text[], $19::smallint[], $20::text[], $21::text[], $22::text[],
        $23::text[], $24::integer[], $25::timestamptz[], $26::integer[]
    ) WITH ORDINALITY AS v (workspace_no, status, end_reason, answered_by, sip_code, currency, retry_rule, stop_reason,
                            final_status, campaign_no, held_until, retry_trunk_no, verdict_no)
),
results AS (
    SELECT v.*, r.* FROM unnest(
        $1::uuid[], $2::smallint[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::integer[],
        $8::integer[], $9::integer[], $10::bigint[], $11::timestamptz[], $12::text[], $13::bytea[], $14::integer[]
    ) AS r (call_id, attempt, attempt_id, called_at, answered_at, ended_at, duration_sec, ring_sec, billed_sec,
            cost_micros, retry_at, details, salt, verdict)
    JOIN verdicts v ON v.verdict_no = r.verdict
),
-- A campaign that is cancelled redials nobody. One that is cancelled at this moment may be missed: finish.sql looks for
-- what is left in the queues of cancelled campaigns.
cancelled AS MATERIALIZED (
    SELECT c.workspace_no, c.campaign_no, c.status = 'cancelled' AS is_so FROM campaigns c
    WHERE (c.workspace_no, c.campaign_no) IN (SELECT workspace_no, campaign_no FROM results)
),
decided AS (
    SELECT r.*, r.retry_at IS NOT NULL AND coalesce(c.is_so, false) AS is_cancelled
    FROM results r
    LEFT JOIN cancelled c ON c.workspace_no = r.workspace_no AND c.campaign_no = r.campaign_no
),
-- The guard reads end_reason, which is null exactly when ended_at is, so that the planner has only the primary key to
-- find the row by, and not the index of what is live.
ended AS (
    UPDATE attempts a SET
        called_at = coalesce(d.called_at, a.called_at), answered_at = coalesce(d.answered_at, a.answered_at),
        ended_at = d.ended_at, status = d.status, end_reason = d.end_reason, duration_sec = d.duration_sec,
        ring_sec = d.ring_sec, answered_by = d.answered_by, sip_code = d.sip_code, held_until = d.held_until,
        billed_sec = d.billed_sec, cost_micros = d.cost_micros, currency = d.currency, details = d.details::jsonb,
        ledger_salt = encode(d.salt, 'hex')::uuid,
        retry_at = CASE WHEN NOT d.is_cancelled THEN d.retry_at END,
        retry_rule = CASE WHEN NOT d.is_cancelled THEN d.retry_rule END,
        retry_trunk_no = CASE WHEN NOT d.is_cancelled THEN d.retry_trunk_no END,
        stop_reason = CASE WHEN d.is_cancelled THEN 'cancelled' ELSE d.stop_reason END
    FROM decided d
    WHERE a.workspace_no = d.workspace_no AND a.call_id = d.call_id AND a.attempt = d.attempt
      AND a.attempt_id = d.attempt_id AND a.end_reason IS NULL
    RETURNING a.workspace_no, a.call_id, a.attempt, a.campaign_no, a.trunk_no, a.from_number, a.called_at,
        a.intent_at, a.ended_at, a.status, a.end_reason, a.duration_sec, a.billed_sec, a.cost_micros, a.currency, a.retry_at,
        a.retry_trunk_no, a.stop_reason, CASE WHEN d.is_cancelled THEN 'cancelled' ELSE d.final_status END AS final_status,
        NOT d.is_cancelled AND a.called_at IS NOT DISTINCT FROM d.called_at
            AND a.answered_at IS NOT DISTINCT FROM d.answered_at AS is_as_told
),
-- the bodies of the ledger's entries were made before: they are right only if all of these attempts ended here, as told
right_bodies AS MATERIALIZED (
    SELECT b.* FROM unnest($27::integer[], $28::integer[], $29::timestamptz[], $30::bytea[])
        AS b (workspace_no, entries, since, bodies)
    WHERE b.entries = (SELECT count(*) FROM ended e WHERE e.workspace_no = b.workspace_no AND e.is_as_told)
),
ready AS (
    INSERT INTO ledger_ready (workspace_no, entries, since, bodies)
    SELECT workspace_no, entries, since, bodies FROM right_bodies
),
-- the others are made by the ledger's writer, when it comes by; see ledger.sql
entered AS (
    INSERT INTO ledger_due (workspace_no, call_id, attempt) SELECT e.workspace_no, e.call_id, e.attempt FROM ended e
    WHERE e.workspace_no NOT IN (SELECT workspace_no FROM right_bodies)
),
requeued AS (
    INSERT INTO queue (workspace_no, call_id, campaign_no, trunk_no, caller_no, attempt, due_at)
    SELECT e.workspace_no, e.call_id, e.campaign_no,
           CASE WHEN e.campaign_no = 0 THEN e.trunk_no ELSE coalesce(e.retry_trunk_no, 0) END,
           CASE WHEN e.campaign_no = 0 THEN coalesce((
               SELECT -k.caller_pool_no FROM calls k WHERE k.workspace_no = e.workspace_no AND k.call_id = e.call_id), (
               SELECT n.caller_no FROM caller_numbers n
               WHERE n.workspace_no = e.workspace_no AND n.number = e.from_number), 0) ELSE 0 END,
           e.attempt + 1, e.retry_at
    FROM ended e WHERE e.retry_at IS NOT NULL
),
finished AS (
    UPDATE calls c SET final_status = e.final_status, final_reason = e.stop_reason, finished_at = e.ended_at
    FROM ended e
    WHERE e.stop_reason IS NOT NULL
      AND c.workspace_no = e.workspace_no AND c.call_id = e.call_id AND c.final_status IS NULL
),
-- whom the workspaces have told; where they have nobody told, nothing else is looked at
hooked AS MATERIALIZED (
    SELECT w.workspace_no, w.webhook_no, w.events FROM webhooks w
    WHERE w.off_at IS NULL AND w.workspace_no IN (SELECT v.workspace_no FROM verdicts v)
),
-- of an attempt that nobody has told about yet its beginning too, in the order in which it came about
told AS (
    INSERT INTO outbox (workspace_no, webhook_no, subject_id, event, attempt, happened_at, due_at)
    SELECT h.workspace_no, h.webhook_no, e.call_id, t.event, t.attempt, t.at, e.ended_at
    FROM hooked h
    JOIN ended e ON e.workspace_no = h.workspace_no
    CROSS JOIN LATERAL (
        SELECT a.called_at IS NULL AND e.called_at IS NOT NULL AS starts FROM attempts a
        WHERE a.workspace_no = e.workspace_no AND a.call_id = e.call_id AND a.attempt = e.attempt
        OFFSET 0
    ) b
    CROSS JOIN LATERAL (VALUES
        (1, 'attempt.started', e.attempt, e.called_at, b.starts),
        (2, 'attempt.ended', e.attempt, e.ended_at, true),
        (3, 'lead.opted_out', 0, e.ended_at, e.stop_reason = 'opted_out'),
        (4, 'call.retry_scheduled', e.attempt, e.ended_at, e.retry_at IS NOT NULL),
        (5, 'call.finished', 0, e.ended_at, e.stop_reason IS NOT NULL)
    ) AS t (place, event, attempt, at, is_so)
    WHERE t.is_so AND t.event = ANY (h.events)
    ORDER BY e.call_id, t.place
),
-- in key order, so that two nodes that add to the same rows cannot lock each other out
summed AS (
    SELECT workspace_no, campaign_no, (coalesce(called_at, intent_at) AT TIME ZONE 'UTC')::date AS day, attempt,
           end_reason, currency, status, count(*) AS attempts, sum(duration_sec) AS connected_sec,
           sum(billed_sec) AS billed_sec, sum(cost_micros) AS cost_micros
    FROM ended GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6
),
tallied AS (
    INSERT INTO tallies AS t (workspace_no, campaign_no, day, attempt, end_reason, currency, status, attempts,
                              connected_sec, billed_sec, cost_micros)
    SELECT * FROM summed
    ON CONFLICT (workspace_no, campaign_no, day, attempt, end_reason, currency) DO UPDATE SET
        attempts = t.attempts + excluded.attempts, connected_sec = t.connected_sec + excluded.connected_sec,
        billed_sec = t.billed_sec + excluded.billed_sec, cost_micros = t.cost_micros + excluded.cost_micros
),
-- what is paid out of budgets: the campaign's, and that of the workspace, which has number 0
paid AS (
    SELECT s.workspace_no, b.campaign_no, s.currency, sum(s.cost_micros)::bigint AS cost_micros
    FROM summed s CROSS JOIN LATERAL (SELECT 0 AS campaign_no UNION SELECT s.campaign_no) b
    WHERE s.cost_micros > 0
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
),
-- in key order as well; a row that is there is met at its newest version
spent AS (
    INSERT INTO budgets AS b (workspace_no, campaign_no, spent_micros, currency)
    SELECT p.workspace_no, p.campaign_no, p.cost_micros, p.currency FROM paid p
    CROSS JOIN LATERAL (
        SELECT 1 FROM budgets k
        WHERE k.workspace_no = p.workspace_no AND k.campaign_no = p.campaign_no AND k.currency = p.currency
        OFFSET 0
    ) known
    ON CONFLICT (workspace_no, campaign_no) DO UPDATE SET spent_micros = b.spent_micros + excluded.spent_micros
)
SELECT workspace_no, call_id, attempt FROM ended;

-- name: progress
-- Write down what live attempts have come to: asked, ringing, answered. Who wants to be told of an attempt's beginning is
-- told once, when it is first known that its trunk was asked.
WITH steps AS (
    SELECT * FROM unnest(
        $1::integer[], $2::uuid[], $3::smallint[], $4::uuid[], $5::text[], $6::timestamptz[], $7::timestamptz[]
    ) AS p (workspace_no, call_id, attempt, attempt_id, status, called_at, answered_at)
),
hooked AS MATERIALIZED (
    SELECT w.workspace_no, w.webhook_no FROM webhooks w
    WHERE w.off_at IS NULL AND 'attempt.started' = ANY (w.events)
      AND w.workspace_no IN (SELECT p.workspace_no FROM steps p)
),
moved AS (
    UPDATE attempts a SET status = p.status, called_at = coalesce(a.called_at, p.called_at),
        answered_at = coalesce(a.answered_at, p.answered_at)
    FROM steps p
    WHERE a.workspace_no = p.workspace_no AND a.call_id = p.call_id AND a.attempt = p.attempt
      AND a.attempt_id = p.attempt_id AND a.end_reason IS NULL
    RETURNING a.workspace_no, a.call_id, a.attempt, a.called_at
)
INSERT INTO outbox (workspace_no, webhook_no, subject_id, event, attempt, happened_at, due_at)
SELECT h.workspace_no, h.webhook_no, m.call_id, 'attempt.started', m.attempt, m.called_at, m.called_at
FROM hooked h
JOIN moved m ON m.workspace_no = h.workspace_no AND m.called_at IS NOT NULL
CROSS JOIN LATERAL (
    SELECT FROM attempts a
    WHERE a.workspace_no = m.workspace_no AND a.call_id = m.call_id AND a.attempt = m.attempt AND a.called_at IS NULL
    OFFSET 0
) b
ORDER BY m.call_id, m.attempt;

-- name: withdraw
-- Take back intents of which it is certain that they never reached a trunk: the same dial, same ordinal, is due again
-- at its own time.
-- The guard reads the attempt's own id: another node may have taken the intent back before, and dialled anew.
WITH withdrawn AS (
    DELETE FROM attempts a
    USING unnest($1::integer[], $2::uuid[], $3::smallint[], $4::uuid[], $5::timestamptz[])
        AS w (workspace_no, call_id, attempt, attempt_id, due_at)
    WHERE a.workspace_no = w.workspace_no AND a.call_id = w.call_id AND a.attempt = w.attempt
      AND a.attempt_id = w.attempt_id AND a.end_reason IS NULL AND a.called_at IS NULL
    RETURNING a.workspace_no, a.call_id, a.attempt, a.campaign_no, a.trunk_no, a.caller_no, a.from_number,
        a.intent_at, w.due_at
),
cancelled AS MATERIALIZED (
    SELECT c.workspace_no, c.campaign_no, c.status = 'cancelled' AS is_so FROM campaigns c
    WHERE (c.workspace_no, c.campaign_no) IN (SELECT workspace_no, campaign_no FROM withdrawn)
),
decided AS (
    SELECT w.*, coalesce(c.is_so, false) AS is_cancelled FROM withdrawn w
    LEFT JOIN cancelled c ON c.workspace_no = w.workspace_no AND c.campaign_no = w.campaign_no
),
requeued AS (
    INSERT INTO queue (workspace_no, call_id, campaign_no, trunk_no, caller_no, attempt, due_at)
    SELECT d.workspace_no, d.call_id, d.campaign_no,
           CASE WHEN d.campaign_no = 0 THEN d.trunk_no ELSE coalesce((
               SELECT p.retry_trunk_no FROM attempts p
               WHERE p.workspace_no = d.workspace_no AND p.call_id = d.call_id AND p.attempt = d.attempt - 1), 0) END,
           CASE WHEN d.campaign_no = 0 THEN coalesce((
               SELECT -k.caller_pool_no FROM calls k WHERE k.workspace_no = d.workspace_no AND k.call_id = d.call_id), (
               SELECT n.caller_no FROM caller_numbers n
               WHERE n.workspace_no = d.workspace_no AND n.number = d.from_number), 0) ELSE 0 END,
           d.attempt, d.due_at
    FROM decided d WHERE NOT d.is_cancelled
),
finished AS (
    UPDATE calls c SET final_status = 'cancelled', final_reason = 'cancelled', finished_at = $6
    FROM decided d
    WHERE d.is_cancelled AND c.workspace_no = d.workspace_no AND c.call_id = d.call_id AND c.final_status IS NULL
    RETURNING c.workspace_no, c.call_id, c.finished_at
),
told AS (
    INSERT INTO outbox (workspace_no, webhook_no, subject_id, event, happened_at, due_at)
    SELECT w.workspace_no, w.webhook_no, f.call_id, 'call.finished', f.finished_at, f.finished_at
    FROM finished f JOIN webhooks w ON w.workspace_no = f.workspace_no
    WHERE w.off_at IS NULL AND 'call.finished' = ANY (w.events)
)
SELECT d.workspace_no, d.call_id, d.attempt, d.intent_at, d.caller_no, c.to_number, c.debt_id FROM decided d
CROSS JOIN LATERAL (
    SELECT c.to_number, c.debt_id FROM calls c WHERE c.workspace_no = d.workspace_no AND c.call_id = d.call_id OFFSET 0
) c;

-- name: still_live
-- Which of these attempts have no end yet.
SELECT l.workspace_no, l.call_id, l.attempt
FROM unnest($1::integer[], $2::uuid[], $3::smallint[]) AS l (workspace_no, call_id, attempt)
CROSS JOIN LATERAL (
    SELECT 1 FROM attempts a
    WHERE a.workspace_no = l.workspace_no AND a.call_id = l.call_id AND a.attempt = l.attempt AND a.end_reason IS NULL
    OFFSET 0
) a;

-- name: earlier_dials
-- When the calls of these attempts were dialled before them, for policies that look back.
SELECT e.workspace_no, e.call_id, e.attempt, a.dialled_at
FROM unnest($1::integer[], $2::uuid[], $3::smallint[]) AS e (workspace_no, call_id, attempt)
CROSS JOIN LATERAL (
    SELECT array_agg(coalesce(a.called_at, a.intent_at) ORDER BY a.attempt) AS dialled_at FROM attempts a
    WHERE a.workspace_no = e.workspace_no AND a.call_id = e.call_id AND a.attempt < e.attempt
    OFFSET 0
) a;

-- name: orphans
-- The live attempts of nodes that have ended, from a place on: no living node answers for them.
SELECT a.workspace_no, a.call_id, a.attempt, a.attempt_id, a.campaign_no, a.trunk_no, a.caller_no, a.node_no,
       a.policy_version, a.from_number, a.called_at, a.intent_at, a.unchecked, c.to_number, c.debt_id, c.zone_set_no, c.region, c.zone_source,
       c.created_at, c.consent_expires_at, coalesce(c.retry, p.retry)::text AS retry, p.window_start_min, p.window_end_min, p.ends_at,
       coalesce(c.calling_window, p.calling_window)::text AS calling_window,
       p.trunk_no AS campaign_trunk_no, p.ways::text AS ways,
       CASE WHEN p.ways IS NOT NULL THEN ARRAY(
           SELECT b.trunk_no FROM attempts b
           WHERE b.workspace_no = a.workspace_no AND b.call_id = a.call_id AND b.attempt < a.attempt
             AND b.attempt > coalesce((
                 SELECT max(e.attempt) FROM attempts e
                 WHERE e.workspace_no = a.workspace_no AND e.call_id = a.call_id AND e.attempt < a.attempt
                   AND e.retry_trunk_no IS NULL), 0)
           ORDER BY b.attempt) END AS refused_by,
       o.workspace_id, p.campaign_id, o.rule_packs AS workspace_packs, p.rule_packs AS campaign_packs,
       coalesce(p.purpose, o.purpose) AS purpose,
       t.trunk_id, t.kind, t.settings::text AS settings, t.billing::text AS billing, t.lost_call_hold_sec,
       t.rate_deck_id
FROM attempts a
JOIN workspaces o ON o.workspace_no = a.workspace_no
JOIN trunks t ON t.workspace_no = a.workspace_no AND t.trunk_no = a.trunk_no
CROSS JOIN LATERAL (
    SELECT * FROM calls c WHERE c.workspace_no = a.workspace_no AND c.call_id = a.call_id OFFSET 0
) c
LEFT JOIN campaigns p ON p.workspace_no = a.workspace_no AND p.campaign_no = a.campaign_no
WHERE a.ended_at IS NULL AND a.node_no = ANY ($1::integer[])
  AND (a.intent_at, a.call_id) > ($2::timestamptz, $3::uuid)
ORDER BY a.intent_at, a.call_id
LIMIT $4;
