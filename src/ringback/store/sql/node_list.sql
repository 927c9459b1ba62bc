-- name: listed
-- The nodes that live or left something to explain, and the APIs that answer or did so within the last hour.
SELECT name, 'dial' AS role, version, schema_version, started_at, heartbeat_at, live_calls, dials_per_sec,
       CASE WHEN ended_at IS NOT NULL THEN 'explaining'
            WHEN lease_until <= $1 THEN 'lease over'
            WHEN draining_since IS NOT NULL THEN 'draining'
            ELSE 'dialling' END AS state
FROM nodes WHERE explained_at IS NULL
UNION ALL
SELECT name, 'api', version, schema_version, started_at, heartbeat_at, NULL, NULL,
       CASE WHEN lease_until <= $1 THEN 'lease over' ELSE 'answering' END
FROM api_servers WHERE lease_until > $1 - interval '1 hour'
ORDER BY name, role, started_at;

-- name: drain
-- The node begins no new dial: it was told to end, and waits for the calls that are up.
UPDATE nodes SET draining_since = $2 WHERE node_no = $1;
