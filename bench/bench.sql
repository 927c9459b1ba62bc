-- name: new_workspace
-- A tenant of its own for each thing that is measured.
INSERT INTO workspaces (workspace_id, name, created_at) VALUES ($1, 'bench', $2) RETURNING workspace_no;

-- name: new_trunk
-- A simulator.
INSERT INTO trunks (workspace_no, trunk_id, name, kind, settings, billing, created_at)
VALUES ($1, $2, 'sim', 'simulator', $4::text::jsonb,
        '{"per_minute_micros": 12000, "currency": "USD", "first_sec": 60, "next_sec": 6}', $3)
RETURNING trunk_no;

-- name: new_campaign
-- A campaign that may dial all day and redials after a second, so many dials in all.
INSERT INTO campaigns (workspace_no, campaign_id, name, trunk_no, status, retry, window_start_min, window_end_min,
                       created_at)
VALUES ($1, $2, 'bench', $3, $4,
        '{"after": {"no-answer": ["1s"], "busy": ["1s"], "voicemail": ["1s"], "failed": ["1s"]}}'::jsonb
        || jsonb_build_object('max_attempts', $6::integer),
        0, 1440, $5)
RETURNING campaign_no;

-- name: new_limits
-- One cap for all of them.
INSERT INTO limits (workspace_no, kind, ref_no, max_concurrent_calls)
VALUES ($1, 'workspace', 0, $4), ($1, 'campaign', $2, $4), ($1, 'trunk', $3, $4);

-- name: fill_queue
-- So many leads from the $7-th on, due so many microseconds apart.
WITH leads AS (
    SELECT uuidv7() AS call_id, n FROM generate_series($7::integer + 1, $7::integer + $4::integer) AS n
),
called AS (
    INSERT INTO calls (workspace_no, call_id, campaign_no, trunk_no, to_number, zone_set_no, created_at)
    SELECT $1, call_id, $2, 0, '+1' || 2000000000 + n, ($3::integer[])[1 + n % array_length($3::integer[], 1)], $5
    FROM leads
)
INSERT INTO queue (workspace_no, call_id, campaign_no, trunk_no, attempt, due_at)
SELECT $1, call_id, $2, 0, 1, $6::timestamptz + (n - $7) * $8::integer * interval '1 microsecond' FROM leads;

-- name: due_until
-- When each call is due that is due by then.
SELECT call_id, due_at FROM queue WHERE workspace_no = $1 AND campaign_no = $2 AND due_at <= $3;

-- name: called
-- When each call was dialled.
SELECT call_id, called_at FROM attempts WHERE workspace_no = $1 AND ended_at IS NOT NULL;

-- name: live_attempts
-- How many attempts have not ended.
SELECT count(*) FROM attempts WHERE workspace_no = $1 AND ended_at IS NULL;

-- name: ended_attempts
-- How many attempts have ended, by the sums that the statement which ends them adds to.
SELECT coalesce(sum(attempts), 0)::bigint FROM tallies WHERE workspace_no = $1;

-- name: kept_attempts
-- The same, counted.
SELECT count(*) FROM attempts WHERE workspace_no = $1 AND ended_at IS NOT NULL;

-- name: lost_calls
-- Calls that neither wait nor are dialled nor are over: there must be none.
SELECT count(*) FROM calls c
WHERE c.workspace_no = $1 AND c.final_status IS NULL
  AND NOT EXISTS (SELECT FROM queue q WHERE q.workspace_no = c.workspace_no AND q.call_id = c.call_id)
  AND NOT EXISTS (SELECT FROM attempts a
                  WHERE a.workspace_no = c.workspace_no AND a.call_id = c.call_id AND a.ended_at IS NULL);

-- name: bare_claim
-- The bare peer of a claim: out of the queue, into the attempts, first dials or redials ($6). What it took comes back
-- as two texts, which nobody here has to take apart.
WITH due AS (
    SELECT q.ctid AS at FROM queue q
    WHERE q.workspace_no = $1 AND q.campaign_no = $2 AND q.trunk_no = 0 AND q.caller_no = 0
      AND (q.attempt > 1) = $6 AND q.due_at <= $5
    ORDER BY q.due_at LIMIT $4
    FOR UPDATE SKIP LOCKED
),
taken AS (
    DELETE FROM queue q WHERE q.ctid = ANY (ARRAY(SELECT at FROM due)) RETURNING q.call_id, q.attempt
),
intended AS (
    INSERT INTO attempts (workspace_no, call_id, attempt, attempt_id, campaign_no, trunk_no, policy_version, node_no,
                          status, intent_at)
    SELECT $1, call_id, attempt, uuidv7(), $2, $3, 1, 0, 'initiated', $5 FROM taken
    RETURNING call_id, attempt
)
SELECT count(*) AS dials, array_agg(call_id)::text AS call_ids, array_agg(attempt)::text AS ordinals FROM intended;

-- name: bare_settle
-- The bare peer of a settlement: the same rows are ended, queued again, finished and summed. One call in seven is
-- reached, by the last bits of its id. Rows are found by their whole key, as ours are, whatever the statistics say.
WITH ended AS (
    UPDATE attempts a SET
        called_at = $5::timestamptz, ended_at = $5::timestamptz, ring_sec = 25, currency = 'USD',
        status = CASE WHEN o.reached THEN 'completed' ELSE 'no-answer' END,
        end_reason = CASE WHEN o.reached THEN 'user_disconnected' ELSE 'user_did_not_pick_up' END,
        answered_by = CASE WHEN o.reached THEN 'human' END,
        answered_at = CASE WHEN o.reached THEN $5::timestamptz END,
        duration_sec = CASE WHEN o.reached THEN 75 ELSE 0 END,
        billed_sec = CASE WHEN o.reached THEN 78 ELSE 0 END,
        cost_micros = CASE WHEN o.reached THEN 15600 ELSE 0 END,
        retry_at = CASE WHEN NOT o.reached AND o.attempt < 4 THEN $5::timestamptz + interval '1 second' END,
        retry_rule = CASE WHEN NOT o.reached AND o.attempt < 4 THEN 'no-answer: 1s' END,
        stop_reason = CASE WHEN o.reached THEN 'reached' WHEN o.attempt = 4 THEN 'attempts_exhausted' END
    FROM (
        SELECT *, (uuid_hash(call_id)::bigint + attempt * 37) % 7 = 0 AS reached
        FROM unnest(array_fill($1::integer, ARRAY[cardinality($4::text::smallint[])]), $3::text::uuid[],
                    $4::text::smallint[]) AS t (workspace_no, call_id, attempt)
    ) o
    WHERE a.workspace_no = o.workspace_no AND a.call_id = o.call_id AND a.attempt = o.attempt AND a.end_reason IS NULL
    RETURNING a.workspace_no, a.call_id, a.attempt, a.status, a.end_reason, a.duration_sec, a.billed_sec, a.cost_micros, a.retry_at,
              a.stop_reason
),
requeued AS (
    INSERT INTO queue (workspace_no, call_id, campaign_no, trunk_no, attempt, due_at)
    SELECT $1, call_id, $2, 0, attempt + 1, retry_at FROM ended WHERE retry_at IS NOT NULL
),
finished AS (
    UPDATE calls c SET final_status = e.status, final_reason = e.stop_reason, finished_at = $5::timestamptz
    FROM ended e WHERE e.stop_reason IS NOT NULL AND c.workspace_no = e.workspace_no AND c.call_id = e.call_id
)
INSERT INTO tallies AS t (workspace_no, campaign_no, day, attempt, end_reason, currency, status, attempts,
                          connected_sec, billed_sec, cost_micros)
SELECT $1, $2, ($5::timestamptz AT TIME ZONE 'UTC')::date, attempt, end_reason, 'USD', status, count(*), sum(duration_sec),
       sum(billed_sec), sum(cost_micros)
FROM ended GROUP BY attempt, end_reason, status ORDER BY attempt, end_reason
ON CONFLICT (workspace_no, campaign_no, day, attempt, end_reason, currency) DO UPDATE SET
    attempts = t.attempts + excluded.attempts, connected_sec = t.connected_sec + excluded.connected_sec,
    billed_sec = t.billed_sec + excluded.billed_sec, cost_micros = t.cost_micros + excluded.cost_micros;

-- name: empty
-- Tables as before the first import.
TRUNCATE calls, queue, attempts, tallies;

-- name: made_calls
-- The calls that an import made, in the order in which it made them.
SELECT workspace_no, call_id, to_number, name, zone_set_no, variables, created_at, campaign_no, trunk_no
FROM calls WHERE workspace_no = $1 ORDER BY call_id;

-- name: made_queue
-- Their queue rows.
SELECT workspace_no, call_id, campaign_no, trunk_no, attempt, due_at FROM queue WHERE workspace_no = $1 ORDER BY call_id;

-- name: fill_history
-- So many calls that are over, each with five attempts: four that nobody answered, and one that somebody did.
WITH numbered AS (
    SELECT uuidv7() AS call_id, n FROM generate_series($4::integer, $4 + $5::integer - 1) AS n
),
called AS (
    INSERT INTO calls (workspace_no, call_id, campaign_no, trunk_no, to_number, zone_set_no, created_at, final_status,
                       final_reason, finished_at)
    SELECT $1, call_id, $2, 0, '+1' || 2000000000 + n, 1, $6, 'completed', 'reached', $6::timestamptz + interval '9 hours'
    FROM numbered
)
INSERT INTO attempts (workspace_no, call_id, attempt, attempt_id, campaign_no, trunk_no, node_no, policy_version, status,
                      intent_at, called_at, answered_at, ended_at, end_reason, duration_sec, ring_sec, answered_by,
                      billed_sec, cost_micros, currency, retry_at, retry_rule, stop_reason)
SELECT $1, c.call_id, o.attempt, uuidv7(), $2, $3, 1, 1, CASE WHEN o.last THEN 'completed' ELSE 'no-answer' END,
       o.at, o.at, CASE WHEN o.last THEN o.at + interval '9 seconds' END, o.at + interval '1 minute',
       CASE WHEN o.last THEN 'user_disconnected' ELSE 'user_did_not_pick_up' END,
       CASE WHEN o.last THEN 51 ELSE 0 END, CASE WHEN o.last THEN 9 ELSE 25 END, CASE WHEN o.last THEN 'human' END,
       CASE WHEN o.last THEN 60 ELSE 0 END, CASE WHEN o.last THEN 12000 ELSE 0 END, 'USD',
       CASE WHEN NOT o.last THEN o.at + interval '2 hours' END, CASE WHEN NOT o.last THEN 'no-answer: 2h' END,
       CASE WHEN o.last THEN 'reached' END
FROM numbered c
CROSS JOIN LATERAL (
    SELECT n AS attempt, n = 5 AS last, $6::timestamptz + n * interval '1 hour' + c.n * interval '7 milliseconds' AS at
    FROM generate_series(1, 5) AS n
) o;

-- name: some_calls
-- Ids of calls anywhere in the table, in no order.
SELECT call_id FROM calls WHERE workspace_no = $1 ORDER BY random() LIMIT $2;

-- name: pause
-- Nothing more of this tenant is dialled.
UPDATE campaigns SET status = 'paused' WHERE workspace_no = $1;

-- name: make_sip
-- Let the trunk be one over SIP.
UPDATE trunks SET kind = 'sip', settings = $2::text::jsonb WHERE workspace_no = $1;

-- name: give_manners
-- Let all leads have numbers whose last four digits say how they behave at the far end of the tests.
-- Not numbers that another lead has until its turn comes: each row is held to be the only one as it is written.
UPDATE calls SET to_number = '+1' || 300000 + substr(to_number, 4)::bigint % 600000 || $2 WHERE workspace_no = $1;

-- name: intents
-- When each intent was made.
SELECT attempt_id, intent_at FROM attempts WHERE workspace_no = $1;

-- name: no_history
-- Nothing was ended by an older release: what the bare rounds end is not to be entered.
UPDATE ledger_history SET done_at = $1;

-- name: fill_ledger
-- So many calls of a world that were dialled once and are to be entered.
WITH called AS (
    INSERT INTO calls (workspace_no, call_id, campaign_no, trunk_no, to_number, zone_set_no, created_at)
    SELECT $1, uuidv7(), $2, 0, '+1' || 2000000000 + n, 1, $4 FROM generate_series(1, $5::integer) AS n
    RETURNING call_id
),
dialled AS (
    INSERT INTO attempts (workspace_no, call_id, attempt, attempt_id, campaign_no, trunk_no, node_no, policy_version,
                          from_number, status, intent_at, called_at, ended_at, end_reason, duration_sec, currency,
                          stop_reason, ledger_salt)
    SELECT $1, call_id, 1, uuidv7(), $2, $3, 1, 1, '+14155550100', 'no-answer', $4, $4, $4, 'user_did_not_pick_up', 0,
           'USD', 'attempts_exhausted', gen_random_uuid()
    FROM called
)
INSERT INTO ledger_due (workspace_no, call_id, attempt) SELECT $1, call_id, 1 FROM called;

-- name: workspace_id
-- The public id of a tenant.
SELECT workspace_id FROM workspaces WHERE workspace_no = $1;

-- name: fill_list
-- So many numbers on the do-not-call list, none of which any lead has.
WITH listed AS (
    INSERT INTO do_not_call (workspace_no, entry_id, number, source, created_at)
    SELECT $1, uuidv7(), '+1' || 4000000000 + n, 'import', $3 FROM generate_series(1, $2::integer) AS n
)
UPDATE workspaces SET list_version = list_version + 1 WHERE workspace_no = $1;

-- name: set_contact_rules
-- What binds all campaigns of a tenant.
UPDATE workspaces SET contact_rules = $2::text::jsonb, contact_span_sec = $3 WHERE workspace_no = $1;

-- name: set_window
-- Hours of a campaign.
UPDATE campaigns SET window_start_min = $2, window_end_min = $3, calling_window = $4::text::jsonb WHERE workspace_no = $1;

-- name: resume
-- This tenant is dialled.
UPDATE campaigns SET status = 'running' WHERE workspace_no = $1;

-- name: fill_outbox
-- So many calls of a tenant that nobody keeps any more, each with four events that wait for each of its webhooks.
INSERT INTO outbox (workspace_no, webhook_no, subject_id, event, attempt, happened_at, due_at)
SELECT w.workspace_no, w.webhook_no, c.call_id, e.event, e.attempt, $3, $3
FROM (SELECT uuidv7() AS call_id, n FROM generate_series(1, $2::integer) AS n OFFSET 0) c
CROSS JOIN webhooks w
CROSS JOIN (VALUES (1, 'attempt.started', 1), (2, 'attempt.ended', 1), (3, 'call.retry_scheduled', 1),
                   (4, 'call.finished', 0)) AS e (place, event, attempt)
WHERE w.workspace_no = $1
ORDER BY c.n, e.place;

-- name: count_outbox
-- How many events of a tenant wait.
SELECT count(*) FROM outbox WHERE workspace_no = $1;

-- name: fill_live
-- So many calls of a world that are up.
WITH called AS (
    INSERT INTO calls (workspace_no, call_id, campaign_no, trunk_no, to_number, zone_set_no, created_at)
    SELECT $1, uuidv7(), $2, 0, '+1' || 2000000000 + n, 1, $4 FROM generate_series(1, $5::integer) AS n
    RETURNING call_id
)
INSERT INTO attempts (workspace_no, call_id, attempt, attempt_id, campaign_no, trunk_no, node_no, policy_version,
                      from_number, status, intent_at)
SELECT $1, call_id, 1, uuidv7(), $2, $3, 1, 1, '+14155550100', 'initiated', $4 FROM called
RETURNING call_id, attempt_id;
