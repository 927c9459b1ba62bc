-- name: rule_workspace
-- Which packs bind all dials of a workspace.
UPDATE workspaces SET rule_packs = $2 WHERE workspace_no = $1;

-- name: give_purpose
-- What the calls of a workspace are for, where its campaigns do not say.
UPDATE workspaces SET purpose = $2 WHERE workspace_no = $1;

-- name: rule_campaign
-- Which packs bind the dials of a campaign besides those of its workspace, and what its calls are for.
UPDATE campaigns SET rule_packs = $3, purpose = $4 WHERE workspace_no = $1 AND campaign_id = $2;

-- name: chosen_packs
-- Who names rule packs: the workspaces, and the campaigns that run or are to go on.
SELECT 'workspace' AS kind, name, rule_packs FROM workspaces WHERE rule_packs <> '{}'
UNION ALL
SELECT 'campaign', name, rule_packs FROM campaigns WHERE rule_packs <> '{}' AND status IN ('running', 'paused')
ORDER BY 1, 2;
