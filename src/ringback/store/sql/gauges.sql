-- name: waiting
-- How many calls wait: counted as far as $1 of them, so that a small queue is told exactly. Beyond that it is what the
-- server believes: the sum of what was inserted and deleted, or after a crash, which forgets it, the last ANALYZE.
SELECT q.counted, CASE WHEN s.live > $1 THEN s.live ELSE s.analysed END AS estimate
FROM (SELECT count(*) AS counted FROM (SELECT FROM queue LIMIT $1) few) q
CROSS JOIN (
    SELECT pg_stat_get_live_tuples(oid) AS live, reltuples::bigint AS analysed
    FROM pg_class WHERE oid = 'queue'::regclass
) s;

-- name: oldest_due
-- Since when the dial waits that has been due the longest: a probe of the index for each lane that may be dialled.
WITH open_lanes AS (
    SELECT workspace_no, campaign_no, 0 AS trunk_no, 0 AS caller_no, starts_at FROM campaigns WHERE status = 'running'
    UNION ALL
    SELECT c.workspace_no, c.campaign_no, t.trunk_no, 0, c.starts_at
    FROM campaigns c CROSS JOIN unnest(c.lane_trunks) AS t (trunk_no) WHERE c.status = 'running'
    UNION ALL
    SELECT workspace_no, 0, trunk_no, 0, NULL FROM trunks
    UNION ALL
    SELECT t.workspace_no, 0, t.trunk_no, n.caller_no, NULL
    FROM trunks t JOIN caller_numbers n ON n.workspace_no = t.workspace_no
    UNION ALL
    SELECT t.workspace_no, 0, t.trunk_no, -p.pool_no, NULL
    FROM trunks t JOIN caller_pools p ON p.workspace_no = t.workspace_no
)
SELECT min(greatest(first.due_at, l.starts_at)) AS due_at
FROM open_lanes l
CROSS JOIN (VALUES (false), (true)) AS k (redial)
CROSS JOIN LATERAL (
    SELECT q.due_at FROM queue q
    WHERE q.workspace_no = l.workspace_no AND q.campaign_no = l.campaign_no AND q.trunk_no = l.trunk_no
      AND q.caller_no = l.caller_no AND (q.attempt > 1) = k.redial AND q.due_at <= $1
    ORDER BY q.due_at LIMIT 1
) first
WHERE l.starts_at IS NULL OR l.starts_at <= $1;

-- name: in_flight
-- How many attempts have no end yet, by trunk: the index that holds these only, however many have ended.
SELECT t.trunk_id, l.calls
FROM (
    SELECT workspace_no, trunk_no, count(*) AS calls FROM attempts WHERE ended_at IS NULL
    GROUP BY workspace_no, trunk_no
) l
JOIN trunks t ON t.workspace_no = l.workspace_no AND t.trunk_no = l.trunk_no;

-- name: alive
-- How many nodes hold a lease.
SELECT count(*) FROM nodes WHERE explained_at IS NULL AND ended_at IS NULL AND lease_until > $1;

-- name: silent_since
-- When the node was last heard of that is over for the longest and left attempts which nobody has explained yet.
SELECT min(n.heartbeat_at) FROM nodes n
WHERE n.explained_at IS NULL AND (n.ended_at IS NOT NULL OR n.lease_until <= $1)
  AND EXISTS (SELECT FROM attempts a WHERE a.node_no = n.node_no AND a.ended_at IS NULL);
