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
       w.rule_packs, w.purpose
FROM workspaces w
LEFT JOIN limits l ON l.workspace_no = w.workspace_no AND l.kind = 'workspace' AND l.ref_no = 0
WHERE w.workspace_no = $1;

-- name: rename_workspace
-- Give a workspace another name.
UPDATE workspaces SET name = $2 WHERE workspace_no = $1;

-- name: keep_calls_for
-- How long a workspace keeps calls that are over, and what becomes of them then; no number of days is for ever.
UPDATE workspaces SET retain_days = $2, retain = $3 WHERE workspace_no = $1;

-- name: workspace_names
-- The names of all workspaces of this installation, for its operator.
SELECT name FROM workspaces ORDER BY name;
