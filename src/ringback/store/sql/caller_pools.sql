-- name: create_pool
-- Make a pool, as yet without numbers.
INSERT INTO caller_pools (workspace_no, pool_id, name, local_presence, max_dials, span_sec, rest_sec, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING pool_no;

-- name: change_pool
-- Give a pool another name and other rules.
UPDATE caller_pools SET name = $3, local_presence = $4, max_dials = $5, span_sec = $6, rest_sec = $7
WHERE workspace_no = $1 AND pool_no = $2;

-- name: pool
-- One pool of a workspace with how many numbers it has.
SELECT p.workspace_no, p.pool_no, p.pool_id, p.name, p.local_presence, p.max_dials, p.span_sec, p.rest_sec, p.created_at,
       (SELECT count(*) FROM caller_pool_numbers m WHERE m.workspace_no = p.workspace_no AND m.pool_no = p.pool_no) AS size
FROM caller_pools p
WHERE p.workspace_no = $1 AND p.pool_id = $2 AND p.deleted_at IS NULL;

-- name: hold_pool
-- Hold a pool until the transaction ends: nothing takes it, and nobody changes or deletes it meanwhile.
SELECT pool_no FROM caller_pools WHERE workspace_no = $1 AND pool_id = $2 AND deleted_at IS NULL FOR UPDATE;

-- name: take_pool
-- What takes a pool keeps it from being deleted until the transaction ends.
SELECT pool_no FROM caller_pools WHERE workspace_no = $1 AND pool_id = $2 AND deleted_at IS NULL FOR KEY SHARE;

-- name: pools
-- A workspace's pools, newest first.
SELECT p.workspace_no, p.pool_no, p.pool_id, p.name, p.local_presence, p.max_dials, p.span_sec, p.rest_sec, p.created_at,
       (SELECT count(*) FROM caller_pool_numbers m WHERE m.workspace_no = p.workspace_no AND m.pool_no = p.pool_no) AS size
FROM caller_pools p
WHERE p.workspace_no = $1 AND p.deleted_at IS NULL AND ($2::uuid IS NULL OR p.pool_id < $2)
ORDER BY p.pool_id DESC LIMIT $3 OFFSET $4;

-- name: count_pools
-- How many pools a workspace has.
SELECT count(*) FROM caller_pools WHERE workspace_no = $1 AND deleted_at IS NULL;

-- name: known_numbers
-- Which of these numbers are registered, and as what.
SELECT number, caller_no FROM caller_numbers WHERE workspace_no = $1 AND number = ANY ($2::text[]) AND deleted_at IS NULL;

-- name: hold_numbers
-- Hold these numbers and those of a pool, in the order in which claims do.
SELECT caller_no FROM caller_pool_numbers WHERE workspace_no = $1 AND (pool_no = $2 OR caller_no = ANY ($3::integer[]))
ORDER BY workspace_no, caller_no FOR UPDATE;

-- name: take_out
-- Take all numbers but these out of a pool. What was dialled from them is kept.
UPDATE caller_pool_numbers SET pool_no = NULL WHERE workspace_no = $1 AND pool_no = $2 AND caller_no <> ALL ($3::integer[]);

-- name: put_in
-- Put these numbers into a pool; those that are in another one stay there, and are not returned.
INSERT INTO caller_pool_numbers AS m (workspace_no, caller_no, pool_no)
SELECT $1, c.caller_no, $2 FROM unnest($3::integer[]) AS c (caller_no) ORDER BY c.caller_no
ON CONFLICT (workspace_no, caller_no) DO UPDATE SET pool_no = excluded.pool_no
WHERE m.pool_no IS NULL OR m.pool_no = excluded.pool_no
RETURNING m.caller_no;

-- name: members
-- The numbers of these pools with their caps, and what was dialled from them; of a pool without any, a row without one.
SELECT p.workspace_no, p.pool_no, p.pool_id, p.local_presence, p.max_dials, p.span_sec, p.rest_sec,
       n.caller_no, n.caller_id, n.number, m.began_at, m.dials, m.last_at,
       l.ref_no IS NOT NULL AS caller_known, l.max_concurrent_calls AS caller_calls, l.dials_per_sec AS caller_dials
FROM unnest($1::integer[], $2::integer[]) AS w (workspace_no, pool_no)
JOIN caller_pools p ON p.workspace_no = w.workspace_no AND p.pool_no = w.pool_no
LEFT JOIN caller_pool_numbers m ON m.workspace_no = p.workspace_no AND m.pool_no = p.pool_no
LEFT JOIN caller_numbers n ON n.workspace_no = m.workspace_no AND n.caller_no = m.caller_no AND n.deleted_at IS NULL
LEFT JOIN limits l ON l.workspace_no = n.workspace_no AND l.kind = 'caller' AND l.ref_no = n.caller_no
ORDER BY p.workspace_no, p.pool_no, m.caller_no;

-- name: hold_members
-- The same for a claim. Where numbers rest after so many dials they are held, in key order, until it ends: their counts
-- are read off the rows' newest versions, and nobody else counts meanwhile. Others are only read.
WITH wanted AS (
    SELECT p.* FROM unnest($1::integer[], $2::integer[]) AS w (workspace_no, pool_no)
    CROSS JOIN LATERAL (
        SELECT * FROM caller_pools p WHERE p.workspace_no = w.workspace_no AND p.pool_no = w.pool_no OFFSET 0
    ) p
),
held AS MATERIALIZED (
    SELECT m.workspace_no, m.pool_no, m.caller_no, m.began_at, m.dials, m.last_at
    FROM caller_pool_numbers m
    WHERE (m.workspace_no, m.pool_no) IN (SELECT workspace_no, pool_no FROM wanted WHERE max_dials IS NOT NULL)
    ORDER BY m.workspace_no, m.caller_no
    FOR NO KEY UPDATE OF m
),
members AS (
    SELECT * FROM held
    UNION ALL
    SELECT w.workspace_no, w.pool_no, m.caller_no, NULL, 0, NULL
    FROM wanted w
    CROSS JOIN LATERAL (
        SELECT m.caller_no FROM caller_pool_numbers m
        WHERE m.workspace_no = w.workspace_no AND m.pool_no = w.pool_no OFFSET 0
    ) m
    WHERE w.max_dials IS NULL
)
SELECT w.workspace_no, w.pool_no, w.pool_id, w.local_presence, w.max_dials, w.span_sec, w.rest_sec,
       n.caller_no, n.caller_id, n.number, m.began_at, m.dials, m.last_at,
       n.caller_known, n.max_concurrent_calls AS caller_calls, n.dials_per_sec AS caller_dials
FROM wanted w
LEFT JOIN members m ON m.workspace_no = w.workspace_no AND m.pool_no = w.pool_no
LEFT JOIN LATERAL (
    SELECT n.caller_no, n.caller_id, n.number, l.ref_no IS NOT NULL AS caller_known, l.max_concurrent_calls, l.dials_per_sec
    FROM caller_numbers n
    LEFT JOIN limits l ON l.workspace_no = n.workspace_no AND l.kind = 'caller' AND l.ref_no = n.caller_no
    WHERE n.workspace_no = m.workspace_no AND n.caller_no = m.caller_no AND n.deleted_at IS NULL
    OFFSET 0
) n ON true;

-- name: uncount
-- Take back the dials whose intents were withdrawn, in the order in which claims hold the numbers; those of a span that is
-- over count no more.
WITH given AS (
    SELECT * FROM unnest($1::integer[], $2::integer[], $3::timestamptz[]) AS g (workspace_no, caller_no, at)
),
held AS MATERIALIZED (
    SELECT m.workspace_no, m.caller_no FROM caller_pool_numbers m
    WHERE (m.workspace_no, m.caller_no) IN (SELECT workspace_no, caller_no FROM given)
    ORDER BY m.workspace_no, m.caller_no
    FOR NO KEY UPDATE
)
UPDATE caller_pool_numbers m SET dials = m.dials - least(m.dials, (
    SELECT count(*)::integer FROM given g
    WHERE g.workspace_no = m.workspace_no AND g.caller_no = m.caller_no AND g.at >= m.began_at))
FROM held h
WHERE m.workspace_no = h.workspace_no AND m.caller_no = h.caller_no AND m.dials > 0;

-- name: pool_users
-- What goes by a pool: campaigns that are not cancelled, and single calls that wait or are up.
SELECT (SELECT count(*) FROM campaigns c
        WHERE c.workspace_no = $1 AND c.caller_pool_no = $2 AND c.status <> 'cancelled') AS campaigns,
       (SELECT count(*) FROM trunks t
        CROSS JOIN LATERAL (
            SELECT 1 FROM queue q
            WHERE q.workspace_no = t.workspace_no AND q.campaign_no = 0 AND q.trunk_no = t.trunk_no AND q.caller_no = -$2
        ) q
        WHERE t.workspace_no = $1)
       + (SELECT count(*) FROM attempts a JOIN calls k ON k.workspace_no = a.workspace_no AND k.call_id = a.call_id
          WHERE a.workspace_no = $1 AND a.campaign_no = 0 AND a.ended_at IS NULL AND k.caller_pool_no = $2) AS calls;

-- name: delete_pool
-- Take a pool, which is held, off the list, and its numbers out of it.
WITH emptied AS (
    UPDATE caller_pool_numbers SET pool_no = NULL WHERE workspace_no = $1 AND pool_no = $2
)
UPDATE caller_pools SET deleted_at = $3 WHERE workspace_no = $1 AND pool_no = $2;

-- name: pool_campaign
-- From which pool a campaign is dialled; null for none.
UPDATE campaigns SET caller_pool_no = $3 WHERE workspace_no = $1 AND campaign_id = $2
  AND caller_pool_no IS DISTINCT FROM $3;
