-- name: create_trunk
-- A trunk and its limit: without a row in limits nothing could be dialled over it.
WITH made AS (
    INSERT INTO trunks (workspace_no, trunk_id, name, kind, settings, billing, created_at, lost_call_hold_sec)
    VALUES ($1, $2, $3, $4, $5::text::jsonb, $6::text::jsonb, $7, $10)
    RETURNING workspace_no, trunk_no
)
INSERT INTO limits (workspace_no, kind, ref_no, max_concurrent_calls, dials_per_sec)
SELECT workspace_no, 'trunk', trunk_no, $8, $9 FROM made
RETURNING ref_no;

-- name: trunk
-- One trunk of a workspace with its caps.
SELECT t.workspace_no, t.trunk_no, t.trunk_id, t.name, t.kind, t.settings::text AS settings,
       t.billing::text AS billing, t.created_at, t.lost_call_hold_sec, t.rate_deck_id, l.max_concurrent_calls,
       l.dials_per_sec
FROM trunks t
LEFT JOIN limits l ON l.workspace_no = t.workspace_no AND l.kind = 'trunk' AND l.ref_no = t.trunk_no
WHERE t.workspace_no = $1 AND t.trunk_id = $2;

-- name: trunks
-- A workspace's trunks with their caps, newest first.
SELECT t.trunk_id, t.name, t.kind, t.settings::text AS settings, t.billing::text AS billing, t.created_at,
       t.lost_call_hold_sec, t.rate_deck_id, l.max_concurrent_calls, l.dials_per_sec
FROM trunks t
LEFT JOIN limits l ON l.workspace_no = t.workspace_no AND l.kind = 'trunk' AND l.ref_no = t.trunk_no
WHERE t.workspace_no = $1 AND ($2::uuid IS NULL OR t.trunk_id < $2)
ORDER BY t.trunk_id DESC LIMIT $3 OFFSET $4;

-- name: trunks_called
-- Trunks of all workspaces by id or name: for an operator at the machine itself.
SELECT t.trunk_id, t.name, t.kind, t.settings::text AS settings, w.name AS workspace
FROM trunks t
JOIN workspaces w USING (workspace_no)
WHERE t.trunk_id = $1 OR t.name = $2
ORDER BY t.trunk_id;

-- name: count_trunks
-- How many trunks a workspace has.
SELECT count(*) FROM trunks WHERE workspace_no = $1;

-- name: change_trunk
-- What its owner may change besides its caps; attempts that were settled keep what they cost.
UPDATE trunks SET name = $3, billing = $4::text::jsonb, lost_call_hold_sec = $5
WHERE workspace_no = $1 AND trunk_no = $2;
