-- name: create_key
-- Keep a key: its hash, never its secret.
INSERT INTO api_keys
    (workspace_no, key_id, name, secret_hash, last_four, scopes, live, created_at, expires_at, networks)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
RETURNING key_id, name, last_four, scopes, live, created_at, revoked_at, expires_at, networks, last_used_at, replaced_by;

-- name: key
-- The key that a request presents, unless it was revoked. Its id is unique across workspaces.
SELECT k.workspace_no, k.key_id, k.secret_hash, k.scopes, k.live, k.expires_at, k.networks, k.last_four,
       w.requests_per_min
FROM api_keys k JOIN workspaces w ON w.workspace_no = k.workspace_no
WHERE k.key_id = $1 AND k.revoked_at IS NULL;

-- name: keys
-- A workspace's keys, newest first.
SELECT key_id, name, last_four, scopes, live, created_at, revoked_at, expires_at, networks, last_used_at, replaced_by
FROM api_keys
WHERE workspace_no = $1 AND ($2::uuid IS NULL OR key_id < $2)
ORDER BY key_id DESC LIMIT $3 OFFSET $4;

-- name: count_keys
-- How many keys a workspace has.
SELECT count(*) FROM api_keys WHERE workspace_no = $1;

-- name: hold_key
-- A key as it is, which stays so until this transaction is over.
SELECT key_id, name, last_four, scopes, live, created_at, revoked_at, expires_at, networks, last_used_at, replaced_by
FROM api_keys WHERE workspace_no = $1 AND key_id = $2 FOR NO KEY UPDATE;

-- name: revoke_key
-- Revoke a key; doing so again changes nothing.
UPDATE api_keys SET revoked_at = coalesce(revoked_at, $3) WHERE workspace_no = $1 AND key_id = $2 RETURNING key_id;

-- name: replace_key
-- Say which key takes the place of one, and end that one: at $4 unless it ends earlier, and $5 revokes it at once.
UPDATE api_keys SET replaced_by = $3, expires_at = least(expires_at, $4), revoked_at = $5
WHERE workspace_no = $1 AND key_id = $2;

-- name: note_uses
-- When keys were used last, many at a time and in the order of their ids, so that two servers do not wait for each other.
WITH used AS (
    SELECT k.workspace_no, k.key_id, u.at
    FROM unnest($1::integer[], $2::uuid[], $3::timestamptz[]) AS u (workspace_no, key_id, at)
    JOIN api_keys k ON k.workspace_no = u.workspace_no AND k.key_id = u.key_id
    ORDER BY k.workspace_no, k.key_id FOR NO KEY UPDATE OF k
)
UPDATE api_keys k SET last_used_at = greatest(k.last_used_at, used.at)
FROM used WHERE k.workspace_no = used.workspace_no AND k.key_id = used.key_id;
