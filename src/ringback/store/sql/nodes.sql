-- name: lock_name
-- One process at a time asks for a node's name; the lock goes with the transaction.
SELECT pg_advisory_xact_lock(hashtextextended($1, 0));

-- name: enlist
-- A node begins under a name, unless another one has it and lives. Where the caller knows that whoever had it is dead,
-- it need not wait for that lease to run out: it ends now, as does the caller's own last one.
WITH held AS (
    SELECT FROM nodes WHERE name = $1 AND lease_until > $3 AND node_no <> $5 AND NOT $6
),
predecessors AS (
    UPDATE nodes SET lease_until = $3
    WHERE name = $1 AND lease_until > $3 AND NOT EXISTS (SELECT FROM held)
)
INSERT INTO nodes (name, version, started_at, heartbeat_at, lease_until)
SELECT $1, $2, $3, $3, $4 WHERE NOT EXISTS (SELECT FROM held)
RETURNING node_no;

-- name: heartbeat
-- The node lives, and holds its lease for a while longer. No row means that another one has taken over.
UPDATE nodes SET heartbeat_at = $2, lease_until = $3 WHERE node_no = $1 AND lease_until > $2 RETURNING node_no;

-- name: leave
-- The node is done; what it leaves live is for the next one to explain.
UPDATE nodes SET lease_until = $2 WHERE node_no = $1;

-- name: server_time
-- The database's clock, only ever to compare a node's clock with it.
SELECT clock_timestamp();
