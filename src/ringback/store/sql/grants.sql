-- name: lock_limits
-- Lock the limit rows in key order, before anything is granted: what is read first is older than the lock.
SELECT l.workspace_no, l.kind, l.ref_no, l.max_concurrent_calls, l.dials_per_sec, l.dials_freed_at
FROM limits l
WHERE (l.workspace_no, l.kind, l.ref_no) IN (SELECT * FROM unnest($1::integer[], $2::text[], $3::integer[]))
ORDER BY l.workspace_no, l.kind, l.ref_no
FOR UPDATE;

-- name: hold_node
-- Hold the node's own row, so that nobody ends it while it changes its grants. Nothing where it was ended.
SELECT node_no FROM nodes WHERE node_no = $1 AND ended_at IS NULL AND lease_until > $2 FOR KEY SHARE;

-- name: grants_of
-- What every node holds of these limits, and whether a node of a release without permits lives: what that one takes, it
-- takes uncounted. Run after lock_limits, in a statement of its own: its snapshot must be younger than the lock.
SELECT g.workspace_no, g.kind, g.ref_no, g.node_no, g.calls, g.dials, g.wants_calls, g.wants_dials,
       EXISTS (SELECT FROM nodes n WHERE n.explained_at IS NULL AND n.ended_at IS NULL AND n.schema_version < 2)
       AS beside_an_old_node
FROM (SELECT) AS always
LEFT JOIN grants g ON (g.workspace_no, g.kind, g.ref_no)
    IN (SELECT * FROM unnest($1::integer[], $2::text[], $3::integer[]));

-- name: count_in
-- What is up under these limits and was dialled while they had no cap, by other nodes than the asking one: from now on
-- it counts as granted to them.
INSERT INTO grants AS g (workspace_no, kind, ref_no, node_no, calls, dials, wants_calls, wants_dials)
SELECT w.workspace_no, w.kind, w.ref_no, a.node_no, count(*), 0, false, false
FROM unnest($1::integer[], $2::text[], $3::integer[]) AS w (workspace_no, kind, ref_no)
JOIN attempts a ON a.workspace_no = w.workspace_no AND a.ended_at IS NULL AND a.node_no <> $4
CROSS JOIN LATERAL (
    VALUES ('workspace', 0), ('campaign', a.campaign_no), ('trunk', a.trunk_no), ('caller', a.caller_no)
) AS k (kind, ref_no)
WHERE k.kind = w.kind AND k.ref_no = w.ref_no
GROUP BY w.workspace_no, w.kind, w.ref_no, a.node_no
ON CONFLICT (workspace_no, kind, ref_no, node_no) DO UPDATE SET calls = greatest(g.calls, excluded.calls);

-- name: to_look_at
-- The limits of which this node has something that another one waits for, or waits for something itself.
SELECT m.workspace_no, m.kind, m.ref_no
FROM grants m
WHERE m.node_no = $1 AND (
    m.wants_calls OR m.wants_dials OR EXISTS (
        SELECT FROM grants o
        WHERE o.workspace_no = m.workspace_no AND o.kind = m.kind AND o.ref_no = m.ref_no AND o.node_no <> m.node_no
          AND (o.wants_calls AND m.calls > 0 OR o.wants_dials AND m.dials > 0)));

-- name: grant
-- Write down what this node holds now.
INSERT INTO grants AS g (workspace_no, kind, ref_no, node_no, calls, dials, wants_calls, wants_dials)
SELECT n.workspace_no, n.kind, n.ref_no, $1, n.calls, n.dials, n.wants_calls, n.wants_dials
FROM unnest($2::integer[], $3::text[], $4::integer[], $5::integer[], $6::integer[], $7::boolean[], $8::boolean[])
    AS n (workspace_no, kind, ref_no, calls, dials, wants_calls, wants_dials)
ON CONFLICT (workspace_no, kind, ref_no, node_no) DO UPDATE SET
    calls = excluded.calls, dials = excluded.dials,
    wants_calls = excluded.wants_calls, wants_dials = excluded.wants_dials;

-- name: dials_freed
-- Remember when a part of a pace was given back: whoever takes it lets a second go by, so that the dials of both
-- holders are never in one second. The rows are locked by this transaction.
UPDATE limits l SET dials_freed_at = $4
FROM unnest($1::integer[], $2::text[], $3::integer[]) AS f (workspace_no, kind, ref_no)
WHERE l.workspace_no = f.workspace_no AND l.kind = f.kind AND l.ref_no = f.ref_no;

-- name: adopt
-- What the ended nodes of a release without permits left up counts from now on as if it had been granted to them.
INSERT INTO grants (workspace_no, kind, ref_no, node_no, calls, dials, wants_calls, wants_dials)
SELECT a.workspace_no, k.kind, k.ref_no, a.node_no, count(*), 0, false, false
FROM nodes n
JOIN attempts a ON a.node_no = n.node_no AND a.ended_at IS NULL
CROSS JOIN LATERAL (
    VALUES ('workspace', 0), ('campaign', a.campaign_no), ('trunk', a.trunk_no), ('caller', a.caller_no)
) AS k (kind, ref_no)
WHERE n.node_no = ANY ($1::integer[]) AND n.schema_version < 2 AND (k.kind = 'workspace' OR k.ref_no > 0)
GROUP BY a.workspace_no, k.kind, k.ref_no, a.node_no
ON CONFLICT DO NOTHING;

-- name: limits_of_ended
-- The limits of which ended nodes hold anything, to be locked before it is taken back.
SELECT DISTINCT g.workspace_no, g.kind, g.ref_no FROM nodes n
JOIN grants g ON g.node_no = n.node_no
WHERE n.explained_at IS NULL AND n.ended_at IS NOT NULL;

-- name: shrink
-- Take back from ended nodes what none of their calls uses: those that have no end yet, and those that ended without
-- anybody knowing how and may still be up.
WITH ended AS (
    SELECT node_no FROM nodes WHERE explained_at IS NULL AND ended_at IS NOT NULL
),
up AS (
    SELECT a.node_no, a.workspace_no, a.campaign_no, a.trunk_no, a.caller_no FROM attempts a
    WHERE a.ended_at IS NULL AND a.node_no IN (SELECT node_no FROM ended)
    UNION ALL
    SELECT a.node_no, a.workspace_no, a.campaign_no, a.trunk_no, a.caller_no FROM attempts a
    WHERE a.held_until > $1 AND a.node_no IN (SELECT node_no FROM ended)
),
used AS MATERIALIZED (
    SELECT u.node_no, u.workspace_no, k.kind, k.ref_no, count(*)::integer AS calls
    FROM up u
    CROSS JOIN LATERAL (
        VALUES ('workspace', 0), ('campaign', u.campaign_no), ('trunk', u.trunk_no), ('caller', u.caller_no)
    ) AS k (kind, ref_no)
    GROUP BY u.node_no, u.workspace_no, k.kind, k.ref_no
),
freed AS (
    UPDATE limits l SET dials_freed_at = $1
    FROM grants g JOIN ended e ON e.node_no = g.node_no
    WHERE g.dials > 0 AND l.workspace_no = g.workspace_no AND l.kind = g.kind AND l.ref_no = g.ref_no
)
UPDATE grants g SET
    calls = least(g.calls, coalesce((
        SELECT u.calls FROM used u
        WHERE u.node_no = g.node_no AND u.workspace_no = g.workspace_no AND u.kind = g.kind AND u.ref_no = g.ref_no
    ), 0)),
    dials = 0, wants_calls = false, wants_dials = false
FROM ended e WHERE g.node_no = e.node_no;

-- name: drop_empty
-- Grants of ended nodes of which nothing is left.
DELETE FROM grants g USING nodes n
WHERE n.node_no = g.node_no AND n.ended_at IS NOT NULL AND n.explained_at IS NULL AND g.calls = 0 AND g.dials = 0;
