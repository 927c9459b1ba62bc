-- name: create_workspace
-- A workspace and its limit: without a row in limits nothing could be dialled.
WITH made AS (
    INSERT INTO workspaces (workspace_id, name, created_at) VALUES ($1, $2, $3) RETURNING workspace_no
)
INSERT INTO limits (workspace_no, kind, ref_no, max_concurrent_calls)
SELECT workspace_no, 'workspace', 0, $4 FROM made
RETURNING workspace_no;

-- name: workspace
-- One workspace with its caps.
SELECT w.workspace_no, w.workspace_id, w.name, w.created_at, w.retain_days, w.retain, l.max_concurrent_calls,
       w.timezone, w.rule_packs, w.purpose, w.currency, w.requests_per_min
FROM workspaces w
LEFT JOIN limits l ON l.workspace_no = w.workspace_no AND l.kind = 'workspace' AND l.ref_no = 0
WHERE w.workspace_no = $1;

-- name: rename_workspace
-- Give a workspace another name.
UPDATE workspaces SET name = $2 WHERE workspace_no = $1;

-- name: keep_calls_for
-- How long a workspace keeps calls that are over, and what becomes of them then; no number of days is for ever.
UPDATE workspaces SET retain_days = $2, retain = $3 WHERE workspace_no = $1;

-- name: set_timezone
-- The time zone of leads of whom neither the file nor the number tells one.
UPDATE workspaces SET timezone = $2 WHERE workspace_no = $1;

-- name: set_requests
-- How many requests each of a workspace's API keys may make in a minute; null for what the installation has.
UPDATE workspaces SET requests_per_min = $2 WHERE workspace_no = $1;

-- name: hold_timezone
-- The workspace's time zone. Who gives it another waits for this transaction, and then finds the leads that it made.
SELECT timezone FROM workspaces WHERE workspace_no = $1 FOR SHARE;

-- name: settle_in_zone
-- Those of a workspace's leads who wait and of whom no zone was known are in this one from now on, and due to be looked
-- at. Walks the workspace's queue: a workspace gets its zone once.
WITH placed AS (
    UPDATE calls c SET zone_set_no = $2, zone_source = 'workspace'
    FROM queue q
    WHERE q.workspace_no = $1 AND c.workspace_no = $1 AND c.call_id = q.call_id
      AND c.zone_source = 'none' AND c.final_status IS NULL
    RETURNING c.call_id
)
UPDATE queue q SET due_at = $3 FROM placed p WHERE q.workspace_no = $1 AND q.call_id = p.call_id AND q.due_at > $3;

-- name: workspace_names
-- The names of all workspaces of this installation, for its operator.
SELECT name FROM workspaces ORDER BY name;

-- name: workspaces
-- All workspaces of this installation, newest first, for its operator.
SELECT w.workspace_id, w.name, w.created_at, l.max_concurrent_calls
FROM workspaces w
LEFT JOIN limits l ON l.workspace_no = w.workspace_no AND l.kind = 'workspace' AND l.ref_no = 0
WHERE $1::uuid IS NULL OR w.workspace_id < $1
ORDER BY w.workspace_id DESC LIMIT $2 OFFSET $3;

-- name: count_workspaces
-- How many there are.
SELECT count(*) FROM workspaces;
