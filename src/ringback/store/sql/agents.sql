-- name: create_agent
-- Keep a new agent.
INSERT INTO agents (workspace_no, agent_id, name, kind, settings, created_at)
VALUES ($1, $2, $3, $4, $5::text::jsonb, $6)
RETURNING agent_id, name, kind, settings::text AS settings, created_at;

-- name: agent
-- One agent of a workspace.
SELECT agent_id, name, kind, settings::text AS settings, created_at FROM agents
WHERE workspace_no = $1 AND agent_id = $2;

-- name: agents
-- A workspace's agents, newest first.
SELECT agent_id, name, kind, settings::text AS settings, created_at FROM agents
WHERE workspace_no = $1 AND ($2::uuid IS NULL OR agent_id < $2)
ORDER BY agent_id DESC LIMIT $3 OFFSET $4;

-- name: count_agents
-- How many agents a workspace has.
SELECT count(*) FROM agents WHERE workspace_no = $1;
