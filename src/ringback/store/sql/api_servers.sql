-- name: enlist
-- An API begins. Whoever had its name and is gone, and who has been gone for an hour, is forgotten.
WITH gone AS (
    DELETE FROM api_servers
    WHERE lease_until <= $4 AND (name = $1 OR lease_until <= $4 - interval '1 hour')
)
INSERT INTO api_servers (name, version, schema_version, started_at, heartbeat_at, lease_until)
VALUES ($1, $2, $3, $4, $4, $5)
RETURNING server_no;

-- name: heartbeat
-- The API answers. No row means that it was forgotten. Whoever had its name until it died is forgotten too: that one's
-- lease may have outlasted its follower's beginning.
WITH gone AS (
    DELETE FROM api_servers g USING api_servers me
    WHERE me.server_no = $1 AND g.name = me.name AND g.server_no <> $1 AND g.lease_until <= $2
)
UPDATE api_servers SET heartbeat_at = $2, lease_until = $3 WHERE server_no = $1 RETURNING server_no;

-- name: leave
-- The API has ended.
DELETE FROM api_servers WHERE server_no = $1;
