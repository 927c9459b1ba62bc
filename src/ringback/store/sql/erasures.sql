-- name: new_erasure
-- Note what is to be erased.
INSERT INTO erasures (workspace_no, erasure_id, number, entry_id, calls, asked_at, asked_by, done_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: erasure
-- How far an erasure has come.
SELECT * FROM erasures WHERE workspace_no = $1 AND erasure_id = $2;

-- name: open_erasures
-- Those that wait for calls to end, each for one node at a time.
SELECT workspace_no, erasure_id, number, entry_id FROM erasures WHERE done_at IS NULL
ORDER BY workspace_no, erasure_id LIMIT 100 FOR UPDATE SKIP LOCKED;

-- name: calls_of_number
-- All calls of a workspace to a number: campaign by campaign, each looked up by its index, and the single ones.
SELECT c.call_id FROM campaigns p
CROSS JOIN LATERAL (
    SELECT c.call_id FROM calls c
    WHERE c.workspace_no = $1 AND c.campaign_no = p.campaign_no AND c.campaign_no > 0 AND c.to_number = $2
    OFFSET 0
) c
WHERE p.workspace_no = $1
UNION ALL
SELECT c.call_id FROM calls c WHERE c.workspace_no = $1 AND c.campaign_no = 0 AND c.to_number = $2
ORDER BY 1;

-- name: anonymise
-- Take what tells who it was out of those of these calls that are over and of which nothing is up: as the retention of
-- retention.sql does, and for the same reasons.
WITH old AS MATERIALIZED (
    SELECT c.call_id FROM calls c
    WHERE c.workspace_no = $1 AND c.call_id = ANY ($2::uuid[]) AND c.finished_at IS NOT NULL
      AND NOT EXISTS (
          SELECT FROM attempts a WHERE a.workspace_no = $1 AND a.call_id = c.call_id AND a.end_reason IS NULL)
    FOR UPDATE
),
bared AS (
    UPDATE attempts a SET from_number = NULL, ledger_salt = NULL, details = (
        SELECT jsonb_object_agg(d.key, d.value) FROM jsonb_each(a.details) d
        WHERE d.key IN ('q850', 'early_media', 'hung_up_by', 'opted_out'))
    WHERE a.workspace_no = $1 AND a.call_id = ANY (ARRAY(SELECT call_id FROM old))
)
UPDATE calls c SET to_number = 'redacted:' || c.call_id, from_number = NULL, name = NULL, variables = NULL,
    region = NULL, debt_id = NULL
WHERE c.workspace_no = $1 AND c.call_id = ANY (ARRAY(SELECT call_id FROM old))
RETURNING c.call_id;

-- name: hold_exports
-- Nobody begins an export before this is committed: what one begins after that has nothing of what is erased.
SELECT export_id FROM exports WHERE workspace_no = $1 ORDER BY export_id FOR UPDATE;

-- name: forget_exports
-- Files that were made before, or are being made, may have what is erased: each can be made again without it. One that
-- asks for the number goes in any case.
DELETE FROM exports WHERE workspace_no = $1 AND (status <> 'queued' OR filters ->> 'to_number' = $2);

-- name: forget_contact
-- When a number was dialled lately, and what was noted with its entries on the do-not-call list.
WITH forgotten AS (
    DELETE FROM contacts WHERE workspace_no = $1 AND to_number = $2
),
dropped AS (
    DELETE FROM do_not_call WHERE workspace_no = $1 AND number = $2 AND deleted_at IS NOT NULL
)
UPDATE do_not_call SET note = NULL
WHERE workspace_no = $1 AND number = $2 AND deleted_at IS NULL AND note IS NOT NULL;

-- name: drop_entry
-- The entry that kept a number from being dialled for as long as its erasure took.
DELETE FROM do_not_call WHERE workspace_no = $1 AND entry_id = $2;

-- name: note_calls
-- These calls tell nothing of the person any more; once none is left ($4), neither does this row.
UPDATE erasures SET calls = calls || $3::uuid[], done_at = $4, number = CASE WHEN $4::timestamptz IS NULL THEN number END,
    entry_id = CASE WHEN $4::timestamptz IS NULL THEN entry_id END
WHERE workspace_no = $1 AND erasure_id = $2;

-- name: erased_since
-- The attempts of calls that were erased lately, for each server to look whether it has their recordings.
SELECT a.workspace_no, a.call_id, a.attempt, a.attempt_id FROM erasures e
CROSS JOIN LATERAL unnest(e.calls) AS w (call_id)
CROSS JOIN LATERAL (
    SELECT a.workspace_no, a.call_id, a.attempt, a.attempt_id FROM attempts a
    WHERE a.workspace_no = e.workspace_no AND a.call_id = w.call_id OFFSET 0
) a
WHERE e.done_at > $1;

-- name: entries_of_number
-- What the do-not-call list has, or had, of a number itself.
SELECT * FROM do_not_call WHERE workspace_no = $1 AND number = $2 ORDER BY entry_id;

-- name: contact_of_number
-- When a number was dialled lately, and when somebody talked there.
SELECT dials, talked_at FROM contacts WHERE workspace_no = $1 AND to_number = $2;
