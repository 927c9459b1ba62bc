-- name: sealed
-- What holds sealed secrets.
SELECT 'trunk' AS kind, workspace_no, trunk_id AS id, settings::text AS settings
FROM trunks WHERE settings::text LIKE '%"sealed"%'
UNION ALL
SELECT 'agent', workspace_no, agent_id, settings::text
FROM agents WHERE settings::text LIKE '%"sealed"%'
UNION ALL
SELECT 'workspace', workspace_no, workspace_id, pre_dial_check::text
FROM workspaces WHERE pre_dial_check IS NOT NULL
ORDER BY 1, 2, 3;

-- name: reseal_trunk
-- Put other seals on a trunk's secrets, unless somebody changed its settings meanwhile.
UPDATE trunks SET settings = $4::text::jsonb
WHERE workspace_no = $1 AND trunk_id = $2 AND settings = $3::text::jsonb;

-- name: reseal_agent
-- The same for an agent's.
UPDATE agents SET settings = $4::text::jsonb
WHERE workspace_no = $1 AND agent_id = $2 AND settings = $3::text::jsonb;

-- name: reseal_check
-- The same for the secret by which a workspace's questions are signed.
UPDATE workspaces SET pre_dial_check = $4::text::jsonb
WHERE workspace_no = $1 AND workspace_id = $2 AND pre_dial_check = $3::text::jsonb;
