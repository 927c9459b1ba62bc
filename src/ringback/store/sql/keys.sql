-- name: create_key
-- Keep a key: its hash, never its secret.
INSERT INTO api_keys (workspace_no, key_id, name, secret_hash, last_four, scopes, live, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING key_id, name, last_four, scopes, live, created_at, revoked_at;

-- name: key
-- The key that a request presents, unless it was revoked. Its id is unique across workspaces.
SELECT workspace_no, key_id, secret_hash, scopes, live FROM api_keys WHERE key_id = $1 AND revoked_at IS NULL;

-- name: keys
-- A workspace's keys, newest first.
SELECT key_id, name, last_four, scopes, live, created_at, revoked_at FROM api_keys
WHERE workspace_no = $1 AND ($2::uuid IS NULL OR key_id < $2)
ORDER BY key_id DESC LIMIT $3 OFFSET $4;

-- name: count_keys
-- How many keys a workspace has.
SELECT count(*) FROM api_keys WHERE workspace_no = $1;

-- name: revoke_key
-- Revoke a key; doing so again changes nothing.
UPDATE api_keys SET revoked_at = coalesce(revoked_at, $3) WHERE workspace_no = $1 AND key_id = $2 RETURNING key_id;
