-- name: withhold
-- Write down that dials were due and not placed, in the order of their calls. While the same reason goes on it is the
-- same row: the call's last decision, found by its key, is told once more; any other reason is a new row.
WITH withheld AS (
    SELECT * FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::smallint[], $5::text[], $6::text[], $7::text[],
                         $8::text[], $9::timestamptz[])
        AS w (workspace_no, call_id, decision_id, attempt, rule, pack, pack_version, inputs, next_at)
),
known AS MATERIALIZED (
    SELECT w.*, last.decision_id AS last_id FROM withheld w
    LEFT JOIN LATERAL (
        SELECT d.decision_id, d.attempt, d.rule, d.pack, d.pack_version FROM decisions d
        WHERE d.workspace_no = w.workspace_no AND d.call_id = w.call_id
        ORDER BY d.decision_id DESC LIMIT 1
    ) last ON last.attempt = w.attempt AND last.rule = w.rule AND last.pack IS NOT DISTINCT FROM w.pack
          AND last.pack_version IS NOT DISTINCT FROM w.pack_version
),
merged AS (
    UPDATE decisions d SET last_at = greatest(d.last_at, $10), times = d.times + 1, inputs = k.inputs::jsonb, next_at = k.next_at
    FROM known k
    WHERE d.workspace_no = k.workspace_no AND d.call_id = k.call_id AND d.decision_id = k.last_id
),
new AS (
    INSERT INTO decisions (workspace_no, call_id, decision_id, attempt, rule, pack, pack_version, inputs, next_at,
                           first_at, last_at)
    SELECT workspace_no, call_id, decision_id, attempt, rule, pack, pack_version, inputs::jsonb, next_at, $10, $10
    FROM known WHERE last_id IS NULL
    RETURNING workspace_no, call_id, attempt, decision_id
)
-- a reason that goes on is in the ledger since it began
INSERT INTO ledger_due (workspace_no, call_id, attempt, decision_id)
SELECT workspace_no, call_id, attempt, decision_id FROM new;

-- name: decisions
-- All decisions of one call, oldest first.
SELECT decision_id, attempt, rule, pack, pack_version, inputs::text AS inputs, next_at, first_at, last_at, times
FROM decisions WHERE workspace_no = $1 AND call_id = $2 ORDER BY decision_id;

-- name: is_call
-- Whether the workspace has this call: one without decisions is no unknown one.
SELECT EXISTS (SELECT FROM calls WHERE workspace_no = $1 AND call_id = $2);
