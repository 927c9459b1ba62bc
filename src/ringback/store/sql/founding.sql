-- name: hold_names
-- One workspace is made at a time, so that two do not get one name.
SELECT pg_advisory_xact_lock(hashtextextended('ringback workspaces', 0));

-- name: is_first
-- Whether a workspace is the first that was made; none is ever deleted.
SELECT $1 = (SELECT min(workspace_no) FROM workspaces);
