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
UNION ALL
SELECT 'webhook', workspace_no, webhook_id, secret::text FROM webhooks
UNION ALL
SELECT 'webhook before', workspace_no, webhook_id, secret_before::text FROM webhooks WHERE secret_before IS NOT NULL
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

-- name: reseal_webhook
-- The same for the secret by which the events of a webhook are signed.
UPDATE webhooks SET secret = $4::text::jsonb
WHERE workspace_no = $1 AND webhook_id = $2 AND secret = $3::text::jsonb;

-- name: reseal_webhook_before
-- The same for the one before it.
UPDATE webhooks SET secret_before = $4::text::jsonb
WHERE workspace_no = $1 AND webhook_id = $2 AND secret_before = $3::text::jsonb;
