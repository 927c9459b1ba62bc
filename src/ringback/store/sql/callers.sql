-- name: create_caller
-- Register a caller number with its limit; nothing where it is registered already. One that was deleted comes back as
-- it was numbered then, so that calls from it that are still up count.
WITH made AS (
    INSERT INTO caller_numbers AS n (workspace_no, caller_id, number, created_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (workspace_no, number) DO UPDATE SET
        caller_id = excluded.caller_id, created_at = excluded.created_at, deleted_at = NULL
    WHERE n.deleted_at IS NOT NULL
    RETURNING n.workspace_no, n.caller_no
)
INSERT INTO limits AS l (workspace_no, kind, ref_no, max_concurrent_calls, dials_per_sec)
SELECT workspace_no, 'caller', caller_no, $5, $6 FROM made
ON CONFLICT (workspace_no, kind, ref_no) DO UPDATE SET
    max_concurrent_calls = excluded.max_concurrent_calls, dials_per_sec = excluded.dials_per_sec
RETURNING l.ref_no;

-- name: bind_waiting
-- The single calls from a number that wait already are bound by its limit as well.
UPDATE queue q SET caller_no = $3
FROM calls c
WHERE q.workspace_no = $1 AND q.campaign_no = 0 AND q.caller_no = 0
  AND c.workspace_no = q.workspace_no AND c.call_id = q.call_id AND c.from_number = $2;

-- name: caller
-- One caller number of a workspace with its caps.
SELECT n.workspace_no, n.caller_no, n.caller_id, n.number, n.created_at, l.max_concurrent_calls, l.dials_per_sec
FROM caller_numbers n
LEFT JOIN limits l ON l.workspace_no = n.workspace_no AND l.kind = 'caller' AND l.ref_no = n.caller_no
WHERE n.workspace_no = $1 AND n.caller_id = $2 AND n.deleted_at IS NULL;

-- name: callers
-- A workspace's caller numbers with their caps, newest first.
SELECT n.caller_id, n.number, n.created_at, l.max_concurrent_calls, l.dials_per_sec
FROM caller_numbers n
LEFT JOIN limits l ON l.workspace_no = n.workspace_no AND l.kind = 'caller' AND l.ref_no = n.caller_no
WHERE n.workspace_no = $1 AND n.deleted_at IS NULL AND ($2::uuid IS NULL OR n.caller_id < $2)
ORDER BY n.caller_id DESC LIMIT $3 OFFSET $4;

-- name: count_callers
-- How many caller numbers a workspace has.
SELECT count(*) FROM caller_numbers WHERE workspace_no = $1 AND deleted_at IS NULL;

-- name: in_pool
-- Whether a caller number is in a pool.
SELECT EXISTS (
    SELECT FROM caller_pool_numbers WHERE workspace_no = $1 AND caller_no = $2 AND pool_no IS NOT NULL);

-- name: delete_caller
-- Take a caller number off the list. Its row and its limit stay, for calls that wait or are up name them.
UPDATE caller_numbers SET deleted_at = $3 WHERE workspace_no = $1 AND caller_no = $2 AND deleted_at IS NULL
RETURNING caller_no;
