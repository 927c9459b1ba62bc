-- name: settle
-- End attempts, once each, with all that follows in the same statement: the next queue row or the call's end, and the
-- sums. An attempt that is over already is passed over, so an event that comes twice or late changes nothing.
WITH results AS (
    SELECT * FROM unnest(
        $1::integer[], $2::uuid[], $3::smallint[], $4::uuid[], $5::timestamptz[], $6::timestamptz[],
        $7::timestamptz[], $8::text[], $9::text[], $10::integer[], $11::integer[], $12::text[], $13::smallint[],
        $14::integer[], $15::bigint[], $16::text[], $17::timestamptz[], $18::text[], $19::text[], $20::text[],
        $21::integer[], $22::integer[]
    ) AS r (workspace_no, call_id, attempt, attempt_id, called_at, answered_at, ended_at,
            status, end_reason, duration_sec, ring_sec, answered_by, sip_code,
            billed_sec, cost_micros, currency, retry_at, retry_rule, stop_reason, final_status,
            campaign_no, lane_trunk_no)
),
-- A campaign that is cancelled redials nobody. Its row is held, so that the cancellation is before us or after us.
cancelled AS (
    SELECT c.workspace_no, c.campaign_no, c.status = 'cancelled' AS is_so FROM campaigns c
    WHERE (c.workspace_no, c.campaign_no) IN (SELECT workspace_no, campaign_no FROM results)
    ORDER BY c.workspace_no, c.campaign_no
    FOR SHARE
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
        ring_sec = d.ring_sec, answered_by = d.answered_by, sip_code = d.sip_code,
        billed_sec = d.billed_sec, cost_micros = d.cost_micros, currency = d.currency,
        retry_at = CASE WHEN NOT d.is_cancelled THEN d.retry_at END,
        retry_rule = CASE WHEN NOT d.is_cancelled THEN d.retry_rule END,
        stop_reason = CASE WHEN d.is_cancelled THEN 'cancelled' ELSE d.stop_reason END
    FROM decided d
    WHERE a.workspace_no = d.workspace_no AND a.call_id = d.call_id AND a.attempt = d.attempt
      AND a.attempt_id = d.attempt_id AND a.end_reason IS NULL
    RETURNING a.workspace_no, a.call_id, a.attempt, a.campaign_no, d.lane_trunk_no, a.called_at, a.intent_at,
        a.ended_at, a.status, a.end_reason, a.duration_sec, a.billed_sec, a.cost_micros, a.currency, a.retry_at,
        a.stop_reason, CASE WHEN d.is_cancelled THEN 'cancelled' ELSE d.final_status END AS final_status
),
requeued AS (
    INSERT INTO queue (workspace_no, call_id, campaign_no, trunk_no, attempt, due_at)
    SELECT workspace_no, call_id, campaign_no, lane_trunk_no, attempt + 1, retry_at
    FROM ended WHERE retry_at IS NOT NULL
),
finished AS (
    UPDATE calls c SET final_status = e.final_status, final_reason = e.stop_reason, finished_at = e.ended_at
    FROM ended e
    WHERE e.stop_reason IS NOT NULL
      AND c.workspace_no = e.workspace_no AND c.call_id = e.call_id AND c.final_status IS NULL
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
)
SELECT workspace_no, call_id, attempt FROM ended;

-- name: progress
-- Write down what live attempts have come to: asked, ringing, answered.
UPDATE attempts a SET status = p.status, called_at = coalesce(a.called_at, p.called_at),
    answered_at = coalesce(a.answered_at, p.answered_at)
FROM unnest($1::integer[], $2::uuid[], $3::smallint[], $4::uuid[], $5::text[], $6::timestamptz[], $7::timestamptz[])
    AS p (workspace_no, call_id, attempt, attempt_id, status, called_at, answered_at)
WHERE a.workspace_no = p.workspace_no AND a.call_id = p.call_id AND a.attempt = p.attempt
  AND a.attempt_id = p.attempt_id AND a.end_reason IS NULL;

-- name: withdraw
-- Take back intents of which it is certain that they never reached a trunk: the same dial, same ordinal, is due again.
-- The guard reads the attempt's own id: another node may have taken the intent back before, and dialled anew.
WITH withdrawn AS (
    DELETE FROM attempts a
    USING unnest($1::integer[], $2::uuid[], $3::smallint[], $4::uuid[], $5::integer[])
        AS w (workspace_no, call_id, attempt, attempt_id, lane_trunk_no)
    WHERE a.workspace_no = w.workspace_no AND a.call_id = w.call_id AND a.attempt = w.attempt
      AND a.attempt_id = w.attempt_id AND a.end_reason IS NULL AND a.called_at IS NULL
    RETURNING a.workspace_no, a.call_id, a.attempt, a.campaign_no, w.lane_trunk_no
),
cancelled AS (
    SELECT c.workspace_no, c.campaign_no, c.status = 'cancelled' AS is_so FROM campaigns c
    WHERE (c.workspace_no, c.campaign_no) IN (SELECT workspace_no, campaign_no FROM withdrawn)
    ORDER BY c.workspace_no, c.campaign_no
    FOR SHARE
),
decided AS (
    SELECT w.*, coalesce(c.is_so, false) AS is_cancelled FROM withdrawn w
    LEFT JOIN cancelled c ON c.workspace_no = w.workspace_no AND c.campaign_no = w.campaign_no
),
requeued AS (
    INSERT INTO queue (workspace_no, call_id, campaign_no, trunk_no, attempt, due_at)
    SELECT workspace_no, call_id, campaign_no, lane_trunk_no, attempt, $6 FROM decided WHERE NOT is_cancelled
),
finished AS (
    UPDATE calls c SET final_status = 'cancelled', final_reason = 'cancelled', finished_at = $6
    FROM decided d
    WHERE d.is_cancelled AND c.workspace_no = d.workspace_no AND c.call_id = d.call_id AND c.final_status IS NULL
)
SELECT workspace_no, call_id, attempt FROM decided;

-- name: still_live
-- Which of these attempts have no end yet.
SELECT l.workspace_no, l.call_id, l.attempt
FROM unnest($1::integer[], $2::uuid[], $3::smallint[]) AS l (workspace_no, call_id, attempt)
CROSS JOIN LATERAL (
    SELECT 1 FROM attempts a
    WHERE a.workspace_no = l.workspace_no AND a.call_id = l.call_id AND a.attempt = l.attempt AND a.end_reason IS NULL
    OFFSET 0
) a;

-- name: orphans
-- Live attempts that no living node answers for: their node's lease is over, or this node's claim of that instant was
-- cut off from the database before it heard whether it was committed.
SELECT a.workspace_no, a.call_id, a.attempt, a.attempt_id, a.campaign_no, a.trunk_no, a.node_no, a.policy_version,
       a.from_number, a.called_at, a.intent_at, c.to_number, c.zone_set_no, c.created_at,
       coalesce(c.retry, p.retry)::text AS retry, p.window_start_min, p.window_end_min, p.ends_at,
       t.name AS trunk, t.kind, t.settings::text AS settings, t.billing::text AS billing
FROM attempts a
JOIN trunks t ON t.workspace_no = a.workspace_no AND t.trunk_no = a.trunk_no
LEFT JOIN nodes n ON n.node_no = a.node_no
CROSS JOIN LATERAL (
    SELECT * FROM calls c WHERE c.workspace_no = a.workspace_no AND c.call_id = a.call_id OFFSET 0
) c
LEFT JOIN campaigns p ON p.workspace_no = a.workspace_no AND p.campaign_no = a.campaign_no
WHERE a.ended_at IS NULL
  AND (n.lease_until IS NULL OR n.lease_until <= $1 OR (a.node_no = $2 AND a.intent_at = ANY ($3::timestamptz[])))
ORDER BY a.intent_at, a.call_id
LIMIT $4;
