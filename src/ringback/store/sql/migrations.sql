-- name: lock_migrations
-- Only one process migrates at a time; the lock goes with the transaction. The number is 'ringback' in ASCII.
SELECT pg_advisory_xact_lock(8244241983189640043);

-- name: wait_briefly
-- A lock on a table is waited for so long, in milliseconds: whoever comes after us waits behind us meanwhile.
SELECT set_config('lock_timeout', $1, true);

-- name: migrations_recorded
-- Whether any migration was ever applied here.
SELECT to_regclass('schema_migrations') IS NOT NULL;

-- name: schema_state
-- The newest of those that were applied, and the newest that took something away. The column of the latter came with
-- the second migration, so it is read from the row's JSON.
SELECT max(version) AS version,
       max(version) FILTER (WHERE to_jsonb(m) ->> 'contracted_at' IS NOT NULL) AS contracted
FROM schema_migrations m;

-- name: record_migration
-- One more is applied.
INSERT INTO schema_migrations (version, name, applied_at) VALUES ($1, $2, $3);

-- name: uncontracted
-- Those that may still have something to take away.
SELECT version FROM schema_migrations m WHERE to_jsonb(m) ->> 'contracted_at' IS NULL;

-- name: keep_starters_out
-- Nobody begins on this database, and nobody's heartbeat is written, until we have looked and acted.
LOCK TABLE nodes, api_servers IN SHARE MODE;

-- name: older_lives
-- Whether a node or an API of an older schema may be alive. Schema 1 has no word of its APIs: one of them ends with its
-- server, within a quarter of a minute of the node.
SELECT EXISTS (
        SELECT FROM nodes
        WHERE schema_version < $1
          AND lease_until + CASE WHEN schema_version = 1 THEN interval '15 seconds' ELSE interval '0' END > $2)
    OR EXISTS (SELECT FROM api_servers WHERE schema_version < $1 AND lease_until > $2);

-- name: record_contraction
-- What the release before needed is gone.
UPDATE schema_migrations SET contracted_at = $2 WHERE version = $1;
