-- name: older_lives
-- Whether a node or an API of a schema before $1 lives.
SELECT EXISTS (SELECT FROM nodes WHERE schema_version < $1 AND ended_at IS NULL AND lease_until > $2)
    OR EXISTS (SELECT FROM api_servers WHERE schema_version < $1 AND lease_until > $2);
