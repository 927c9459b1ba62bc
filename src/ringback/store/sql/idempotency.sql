-- name: hold_once
-- Hold a name until this transaction ends, unless another one holds it: false then.
SELECT pg_try_advisory_xact_lock($1);

-- name: kept_answer
-- What a request of this name was answered, if it is still to be kept.
SELECT fingerprint, status, body FROM idempotency
WHERE workspace_no = $1 AND name_hash = $2 AND answered_at > $3;

-- name: keep_answer
-- Keep an answer, in place of one that is too old.
INSERT INTO idempotency (workspace_no, name_hash, fingerprint, status, body, answered_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (workspace_no, name_hash) DO UPDATE
SET fingerprint = excluded.fingerprint, status = excluded.status, body = excluded.body,
    answered_at = excluded.answered_at;

-- name: forget_answers
-- Let answers go that are too old, so many at a time; who else does so takes others.
WITH old AS (
    SELECT i.workspace_no, i.name_hash FROM idempotency i
    WHERE i.answered_at <= $1 ORDER BY i.answered_at LIMIT $2 FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM idempotency i USING old
    WHERE i.workspace_no = old.workspace_no AND i.name_hash = old.name_hash RETURNING 1
)
SELECT count(*) FROM gone;

-- name: hold_path
-- Hold what is at a path until this transaction ends; waits for whoever holds it.
SELECT pg_advisory_xact_lock($1);
