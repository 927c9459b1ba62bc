-- name: create_export
-- Ask for an export; whichever server is free makes it.
INSERT INTO exports (workspace_no, export_id, kind, format, filters, columns, status, created_at, created_by, expires_at)
VALUES ($1, $2, $3, $4, $5::text::jsonb, $6, 'queued', $7, $8, $9)
RETURNING *;

-- name: export
-- One export of a workspace, unless its time is over.
SELECT * FROM exports WHERE workspace_no = $1 AND export_id = $2 AND expires_at > $3;

-- name: exports
-- A workspace's exports, newest first.
SELECT * FROM exports
WHERE workspace_no = $1 AND expires_at > $2 AND ($3::uuid IS NULL OR export_id < $3)
ORDER BY export_id DESC LIMIT $4 OFFSET $5;

-- name: count_exports
-- How many exports would find in all.
SELECT count(*) FROM exports WHERE workspace_no = $1 AND expires_at > $2;

-- name: delete_export
-- Forget an export. Whoever makes it notices, and its file goes.
DELETE FROM exports WHERE workspace_no = $1 AND export_id = $2 RETURNING export_id;

-- name: drop_expired
-- Forget the exports whose time is over; their files go with the next sweep.
DELETE FROM exports WHERE expires_at <= $1;

-- name: give_up
-- An export whose makers came to grief so many times is made no more.
UPDATE exports SET status = 'failed', finished_at = $1,
    error = 'the process that made it ended ' || begun || ' times without an end: see the logs of the servers'
WHERE status = 'running' AND lease_until < $1 AND begun >= $2;

-- name: claim
-- The oldest export that waits, or whose maker is not heard of any more, for a server to make from its beginning.
UPDATE exports e SET status = 'running', server = $1, lease_until = $3, begun = e.begun + 1, rows = 0, bytes = 0,
    rows_expected = NULL
WHERE (e.workspace_no, e.export_id) IN (
    SELECT o.workspace_no, o.export_id FROM exports o
    WHERE (o.status = 'queued' OR o.status = 'running' AND o.lease_until < $2) AND o.expires_at > $2
    ORDER BY o.export_id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING workspace_no, export_id, begun;

-- name: order
-- What is to be made, for the process that makes it: nobody else has begun it since.
SELECT * FROM exports WHERE workspace_no = $1 AND export_id = $2 AND begun = $3 AND status = 'running';

-- name: progress
-- How far an export has come; nothing where it was deleted or somebody else makes it now.
UPDATE exports SET rows = $4, bytes = $5, rows_expected = coalesce($6, rows_expected), lease_until = $7
WHERE workspace_no = $1 AND export_id = $2 AND begun = $3 AND status = 'running'
RETURNING export_id;

-- name: finish
-- The file is there and whole.
UPDATE exports SET status = 'done', rows = $4, bytes = $5, finished_at = $6
WHERE workspace_no = $1 AND export_id = $2 AND begun = $3 AND status = 'running'
RETURNING export_id;

-- name: fail
-- It cannot be made, and why.
UPDATE exports SET status = 'failed', error = $4, finished_at = $5
WHERE workspace_no = $1 AND export_id = $2 AND begun = $3 AND status = 'running';

-- name: let_go
-- Its maker ended before its time: whoever is free may begin it anew.
UPDATE exports SET lease_until = $4
WHERE workspace_no = $1 AND export_id = $2 AND begun = $3 AND status = 'running';

-- name: known
-- Of these exports, those that have a file or whose file is being written, and by which beginning.
SELECT export_id, status, begun FROM exports
WHERE export_id = ANY ($1::uuid[]) AND status IN ('running', 'done');
