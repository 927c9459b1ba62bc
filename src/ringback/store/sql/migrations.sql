-- name: lock_migrations
-- Only one process migrates at a time; the lock goes with the transaction. The number is 'ringback' in ASCII.
SELECT pg_advisory_xact_lock(8244241983189640043);

-- name: migrations_recorded
-- Whether any migration was ever applied here.
SELECT to_regclass('schema_migrations') IS NOT NULL;

-- name: applied_migrations
-- Those that were applied.
SELECT version FROM schema_migrations;

-- name: record_migration
-- One more is applied.
INSERT INTO schema_migrations (version, name, applied_at) VALUES ($1, $2, $3);
