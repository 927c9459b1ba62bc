-- name: due_lanes
-- Every lane that may be dialled by its campaign's state, with the time of its first waiting dial, longest waiting first.
-- Nothing of a campaign is due before it begins.
WITH open_lanes AS (
    SELECT workspace_no, campaign_no, 0 AS trunk_no, trunk_no AS via_trunk_no, starts_at
    FROM campaigns
    WHERE status = 'running'
    UNION ALL
    -- single calls wait in a lane of their trunk
    SELECT workspace_no, 0, trunk_no, trunk_no, NULL FROM trunks
)
SELECT l.workspace_no, l.campaign_no, l.trunk_no, l.via_trunk_no, greatest(first.due_at, l.starts_at) AS due_at
FROM open_lanes l
CROSS JOIN LATERAL (
    SELECT q.due_at FROM queue q
    WHERE q.workspace_no = l.workspace_no AND q.campaign_no = l.campaign_no AND q.trunk_no = l.trunk_no
    ORDER BY q.due_at LIMIT 1
) first
ORDER BY due_at, l.workspace_no, l.campaign_no, l.trunk_no;

-- name: lock_limits
-- Lock the limit rows in key order, before anything is counted: a count taken first is older than the lock.
SELECT l.workspace_no, l.kind, l.ref_no, l.max_concurrent_calls, l.dials_per_sec, l.next_dial_at
FROM limits l
WHERE (l.workspace_no, l.kind, l.ref_no) IN (SELECT * FROM unnest($1::integer[], $2::text[], $3::integer[]))
ORDER BY l.workspace_no, l.kind, l.ref_no
FOR UPDATE;

-- name: lanes_now
-- The lanes as they are now that the limits are locked: a pause that came first is seen, and so is every attempt that
-- has no end. Run after lock_limits, in a statement of its own: its snapshot must be younger than the lock.
WITH lanes AS (
    SELECT * FROM unnest($1::integer[], $2::integer[], $3::integer[]) AS l (workspace_no, campaign_no, via_trunk_no)
),
flying AS MATERIALIZED (
    SELECT workspace_no, campaign_no, trunk_no, count(*) AS live
    FROM attempts
    WHERE ended_at IS NULL AND workspace_no = ANY ($1::integer[])
    GROUP BY workspace_no, campaign_no, trunk_no
)
SELECT l.workspace_no, l.campaign_no, l.via_trunk_no,
       c.trunk_no AS campaign_trunk_no, c.status, c.from_number, c.retry::text AS retry, c.policy_version,
       c.window_start_min, c.window_end_min, c.ends_at,
       t.name AS trunk, t.kind, t.settings::text AS settings, t.billing::text AS billing,
       f.workspace_live, f.campaign_live, f.trunk_live
FROM lanes l
LEFT JOIN campaigns c ON c.workspace_no = l.workspace_no AND c.campaign_no = l.campaign_no
LEFT JOIN trunks t ON t.workspace_no = l.workspace_no AND t.trunk_no = l.via_trunk_no
CROSS JOIN LATERAL (
    SELECT coalesce(sum(f.live), 0)::integer AS workspace_live,
           coalesce(sum(f.live) FILTER (WHERE f.campaign_no = l.campaign_no), 0)::integer AS campaign_live,
           coalesce(sum(f.live) FILTER (WHERE f.trunk_no = l.via_trunk_no), 0)::integer AS trunk_live
    FROM flying f WHERE f.workspace_no = l.workspace_no
) f;

-- name: take_due
-- Take the dials that are due out of the queue, so many from each lane, with what the dial needs of its call.
WITH lanes AS (
    SELECT * FROM unnest($1::integer[], $2::integer[], $3::integer[], $4::integer[])
        AS l (workspace_no, campaign_no, trunk_no, share)
),
due AS (
    SELECT d.at FROM lanes l
    CROSS JOIN LATERAL (
        SELECT q.ctid AS at FROM queue q
        WHERE q.workspace_no = l.workspace_no AND q.campaign_no = l.campaign_no AND q.trunk_no = l.trunk_no
          AND q.due_at <= $5
        ORDER BY q.due_at LIMIT l.share
        FOR UPDATE SKIP LOCKED -- another node's are not waited for
    ) d
),
taken AS (
    DELETE FROM queue q WHERE q.ctid = ANY (ARRAY(SELECT at FROM due))
    RETURNING q.workspace_no, q.call_id, q.campaign_no, q.trunk_no, q.attempt, q.due_at
)
SELECT t.*, c.to_number, c.from_number, c.zone_set_no, c.retry::text AS retry, c.created_at
FROM taken t
CROSS JOIN LATERAL (
    SELECT * FROM calls c WHERE c.workspace_no = t.workspace_no AND c.call_id = t.call_id OFFSET 0
) c
ORDER BY t.due_at, t.call_id;

-- name: intend
-- Record the intents. From here on these dials exist, whether or not the node lives to place them.
INSERT INTO attempts (workspace_no, call_id, attempt, attempt_id, campaign_no, trunk_no, policy_version, from_number,
                      node_no, status, intent_at)
SELECT i.*, $9, 'initiated', $10
FROM unnest($1::integer[], $2::uuid[], $3::smallint[], $4::uuid[], $5::integer[], $6::integer[], $7::integer[],
            $8::text[]) AS i;

-- name: postpone
-- Put back what was due at an hour at which it may not be dialled.
INSERT INTO queue (workspace_no, call_id, campaign_no, trunk_no, attempt, due_at)
SELECT * FROM unnest($1::integer[], $2::uuid[], $3::integer[], $4::integer[], $5::smallint[], $6::timestamptz[]);

-- name: expire
-- End the calls that were due and have no time left to be dialled.
UPDATE calls c SET final_status = 'expired', final_reason = 'expired', finished_at = $3
FROM unnest($1::integer[], $2::uuid[]) AS e (workspace_no, call_id)
WHERE c.workspace_no = e.workspace_no AND c.call_id = e.call_id AND c.final_status IS NULL;

-- name: set_pace
-- Remember when each paced limit lets the next dial go. The row is locked by this transaction.
UPDATE limits l SET next_dial_at = p.next_dial_at
FROM unnest($1::integer[], $2::text[], $3::integer[], $4::timestamptz[]) AS p (workspace_no, kind, ref_no, next_dial_at)
WHERE l.workspace_no = p.workspace_no AND l.kind = p.kind AND l.ref_no = p.ref_no;

-- name: zone_sets
-- The time zones behind these numbers; a set never changes.
SELECT zone_set_no, zones FROM zone_sets WHERE zone_set_no = ANY ($1::integer[]);
