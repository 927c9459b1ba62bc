-- name: settings
-- What the server is set to, of what matters here, and as a session of ours sees it.
SELECT name, setting FROM pg_settings WHERE name = ANY ($1::text[]);

-- name: server
-- What kind of server it is, how many connections there are on it, and how many of them in this database are of roles of
-- which this one may see nothing, not even what they are. What has no database, or no role, is the server's own.
SELECT pg_is_in_recovery() AS is_standby,
       count(*) FILTER (WHERE backend_type = 'client backend' OR backend_type IS NULL) AS connections,
       count(*) FILTER (WHERE backend_type IS NULL AND datname = current_database()) AS hidden
FROM pg_stat_activity WHERE datid IS NOT NULL AND usesysid IS NOT NULL;

-- name: holders
-- Who has kept an old state of the database in sight since before $1, so that no vacuum may remove what was deleted
-- since: transactions of others, whether they work or idle.
SELECT pid, coalesce(nullif(application_name, ''), usename, backend_type) AS program, coalesce(state, '') AS state,
       xact_start AS since
FROM pg_stat_activity
WHERE xact_start < $1 AND pid <> pg_backend_pid() AND datname = current_database()
  AND backend_type IN ('client backend', 'walsender', 'parallel worker')
ORDER BY xact_start;

-- name: prepared
-- Transactions that somebody prepared, and neither committed nor rolled back.
SELECT gid, prepared AS since FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared;

-- name: slots
-- Replication slots that nobody reads: the server keeps all that they have not read.
SELECT slot_name AS name FROM pg_replication_slots
WHERE NOT active AND (restart_lsn IS NOT NULL OR xmin IS NOT NULL OR catalog_xmin IS NOT NULL)
ORDER BY slot_name;

-- name: nodes
-- The nodes that live, and those that may have left something, each with its live attempts.
SELECT n.name, n.lease_until, n.ended_at,
       (SELECT count(*) FROM attempts a WHERE a.node_no = n.node_no AND a.ended_at IS NULL) AS live
FROM nodes n WHERE n.explained_at IS NULL ORDER BY n.name, n.node_no;

-- name: abandoned
-- Live attempts that no node will ever explain: theirs is explained, or was never there.
SELECT count(*) FROM attempts a
WHERE a.ended_at IS NULL AND NOT EXISTS (SELECT FROM nodes n WHERE n.node_no = a.node_no AND n.explained_at IS NULL);

-- name: endless
-- Live attempts that began before $1, which is longer ago than any call lasts.
SELECT count(*) FROM attempts a WHERE a.ended_at IS NULL AND coalesce(a.called_at, a.intent_at) < $1;

-- name: nowhere
-- Calls that are not over, and neither wait nor are being dialled: each leaves one state for another in one transaction.
SELECT c.call_id FROM calls c
WHERE c.final_status IS NULL
  AND NOT EXISTS (SELECT FROM queue q WHERE q.workspace_no = c.workspace_no AND q.call_id = c.call_id)
  AND NOT EXISTS (SELECT FROM attempts a
                  WHERE a.workspace_no = c.workspace_no AND a.call_id = c.call_id AND a.ended_at IS NULL)
LIMIT $1;

-- name: resurrected
-- Calls that are over, and wait all the same.
SELECT q.call_id FROM queue q JOIN calls c ON c.workspace_no = q.workspace_no AND c.call_id = q.call_id
WHERE c.final_status IS NOT NULL
LIMIT $1;

-- name: overdue
-- The campaigns that run and have dials which were due before $1, and none that is up: of each, the zones of the people
-- who wait for the longest, and whether a budget is spent.
SELECT p.workspace_no, p.campaign_no, p.name, p.window_start_min, p.window_end_min,
       p.calling_window::text AS calling_window, first.due_at, first.zones, first.to_number, first.region,
       EXISTS (SELECT FROM budgets b
               WHERE b.workspace_no = p.workspace_no AND b.campaign_no IN (0, p.campaign_no)
                 AND b.spent_micros >= b.amount_micros) AS is_spent
FROM campaigns p
CROSS JOIN LATERAL (
    SELECT q.due_at, z.zones, c.to_number, c.region FROM queue q
    JOIN calls c ON c.workspace_no = q.workspace_no AND c.call_id = q.call_id
    JOIN zone_sets z ON z.zone_set_no = c.zone_set_no
    WHERE q.workspace_no = p.workspace_no AND q.campaign_no = p.campaign_no AND q.due_at < $1
    ORDER BY q.due_at LIMIT $3
) first
WHERE p.status = 'running' AND (p.starts_at IS NULL OR p.starts_at < $1) AND (p.ends_at IS NULL OR p.ends_at > $2)
  AND NOT EXISTS (SELECT FROM attempts a
                  WHERE a.workspace_no = p.workspace_no AND a.campaign_no = p.campaign_no AND a.ended_at IS NULL);

-- name: dialled_since
-- Whether anything of a campaign was dialled since $3. Looks at all of its attempts: only of one that seems to be stuck.
SELECT EXISTS (SELECT FROM attempts WHERE workspace_no = $1 AND campaign_no = $2 AND intent_at >= $3);

-- name: without_limits
-- What may not be dialled at all, for want of a row in limits.
SELECT w.kind, w.name FROM (
    SELECT workspace_no, 'workspace' AS kind, 0 AS ref_no, name FROM workspaces
    UNION ALL
    SELECT workspace_no, 'campaign', campaign_no, name FROM campaigns WHERE finished_at IS NULL
    UNION ALL
    SELECT workspace_no, 'trunk', trunk_no, name FROM trunks
    UNION ALL
    SELECT workspace_no, 'caller', caller_no, number FROM caller_numbers
) w
WHERE NOT EXISTS (SELECT FROM limits l
                  WHERE l.workspace_no = w.workspace_no AND l.kind = w.kind AND l.ref_no = w.ref_no)
ORDER BY w.kind, w.name;

-- name: shut
-- Caps of 0 that keep a running campaign from being dialled: of a trunk only where all of its trunks have one.
SELECT DISTINCT l.kind, CASE l.kind WHEN 'workspace' THEN w.name WHEN 'trunk' THEN t.name ELSE p.name END AS name
FROM campaigns p
JOIN workspaces w ON w.workspace_no = p.workspace_no
JOIN trunks t ON t.workspace_no = p.workspace_no AND t.trunk_no = p.trunk_no
JOIN limits l ON l.workspace_no = p.workspace_no AND l.max_concurrent_calls = 0
  AND (l.kind = 'workspace' OR l.kind = 'campaign' AND l.ref_no = p.campaign_no
       OR l.kind = 'trunk' AND l.ref_no = p.trunk_no AND NOT EXISTS (
           SELECT FROM jsonb_array_elements(p.ways) AS w (way)
           JOIN limits o ON o.workspace_no = p.workspace_no AND o.kind = 'trunk' AND o.ref_no = (w.way ->> 0)::integer
           WHERE o.max_concurrent_calls IS DISTINCT FROM 0))
WHERE p.status = 'running'
ORDER BY 1, 2;

-- name: tables
-- The tables that are written all the time: how many rows of theirs are dead, and when that was last mended.
SELECT relname AS name, n_live_tup AS live, n_dead_tup AS dead, greatest(last_autovacuum, last_vacuum) AS vacuumed_at
FROM pg_stat_user_tables
WHERE relname IN ('queue', 'attempts', 'calls', 'tallies', 'grants', 'limits', 'nodes')
ORDER BY relname;

-- name: trunks
-- All trunks.
SELECT name, kind, settings::text AS settings FROM trunks ORDER BY name, trunk_no;
