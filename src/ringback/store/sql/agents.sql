-- name: create_agent
-- Keep a new agent.
INSERT INTO agents (workspace_no, agent_id, name, kind, settings, created_at)
VALUES ($1, $2, $3, $4, $5::text::jsonb, $6)
RETURNING agent_id, name, kind, settings::text AS settings, created_at;

-- name: agent
-- One agent of a workspace.
SELECT agent_id, name, kind, settings::text AS settings, created_at FROM agents
WHERE workspace_no = $1 AND agent_id = $2;

-- name: lock_agent
-- The same, which nobody else changes until the end of the transaction.
SELECT agent_id, name, kind, settings::text AS settings, created_at FROM agents
WHERE workspace_no = $1 AND agent_id = $2
FOR UPDATE;

-- name: change_agent
-- What its owner may change; calls that are up go on with what it was.
UPDATE agents SET name = $3, settings = $4::text::jsonb
WHERE workspace_no = $1 AND agent_id = $2
RETURNING agent_id, name, kind, settings::text AS settings, created_at;

-- name: agents
-- A workspace's agents, newest first.
SELECT agent_id, name, kind, settings::text AS settings, created_at FROM agents
WHERE workspace_no = $1 AND ($2::uuid IS NULL OR agent_id < $2)
ORDER BY agent_id DESC LIMIT $3 OFFSET $4;

-- name: count_agents
-- How many agents a workspace has.
SELECT count(*) FROM agents WHERE workspace_no = $1;
