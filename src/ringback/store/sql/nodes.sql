-- name: lock_name
-- One process at a time asks for a node's name; the lock goes with the transaction.
SELECT pg_advisory_xact_lock(hashtextextended($1, 0));

-- name: enlist
-- A node begins under a name, unless another one has it and lives. Where the caller knows that whoever had it is dead,
-- it need not wait for that lease to run out: it ends now, as does the caller's own last one.
WITH held AS (
    SELECT FROM nodes WHERE name = $1 AND lease_until > $3 AND node_no <> $5 AND NOT $6 AND explained_at IS NULL
),
predecessors AS (
    UPDATE nodes SET lease_until = $3
    WHERE name = $1 AND lease_until > $3 AND explained_at IS NULL AND NOT EXISTS (SELECT FROM held)
)
INSERT INTO nodes (name, version, schema_version, started_at, heartbeat_at, lease_until)
SELECT $1, $2, $7, $3, $3, $4 WHERE NOT EXISTS (SELECT FROM held)
RETURNING node_no;

-- name: heartbeat
-- The node lives, and holds its lease for a while longer. No row means that it has ended, or that another one has
-- taken over.
UPDATE nodes SET heartbeat_at = $2, lease_until = $3, live_calls = $4, dials_per_sec = $5
WHERE node_no = $1 AND ended_at IS NULL AND lease_until > $2
RETURNING node_no;

-- name: leave
-- The node is done; what it leaves live is for the next one to explain.
UPDATE nodes SET lease_until = least(lease_until, $2), live_calls = 0, dials_per_sec = 0 WHERE node_no = $1;

-- name: end_expired
-- End the nodes whose lease is over, or one of them alone: from here on nothing that they claim is committed. One that
-- is claiming right now is left for the next time.
UPDATE nodes n SET ended_at = $1, live_calls = 0, dials_per_sec = 0
WHERE n.node_no IN (
    SELECT e.node_no FROM nodes e
    WHERE e.explained_at IS NULL AND e.ended_at IS NULL AND e.lease_until <= $1
      AND ($2::integer IS NULL OR e.node_no = $2)
    ORDER BY e.node_no
    FOR UPDATE SKIP LOCKED
)
RETURNING n.node_no, n.name;

-- name: unexplained
-- The nodes that have ended and left something.
SELECT node_no FROM nodes WHERE explained_at IS NULL AND ended_at IS NOT NULL;

-- name: explain
-- Of ended nodes nothing is left: no call that is up, and none that may be.
UPDATE nodes n SET explained_at = $1
WHERE n.explained_at IS NULL AND n.ended_at IS NOT NULL
  AND NOT EXISTS (SELECT FROM grants g WHERE g.node_no = n.node_no)
  AND NOT EXISTS (SELECT FROM attempts a WHERE a.node_no = n.node_no AND a.ended_at IS NULL)
RETURNING n.node_no;

-- name: server_time
-- The database's clock, only ever to compare a node's clock with it.
SELECT clock_timestamp();
