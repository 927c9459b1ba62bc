-- name: keep_audio
-- A message agent's recording takes the place of the one before, and of its text.
WITH agent AS (
    UPDATE agents
    SET settings = (settings - 'text')
        || jsonb_build_object('audio', jsonb_build_object('sha256', $3::text, 'seconds', $4::float8))
    WHERE workspace_no = $1 AND agent_id = $2 AND kind = 'message'
    RETURNING workspace_no, agent_id
)
INSERT INTO agent_audio (workspace_no, agent_id, sha256, bytes, created_at)
SELECT workspace_no, agent_id, $3, $5, $6 FROM agent
ON CONFLICT (workspace_no, agent_id)
DO UPDATE SET sha256 = excluded.sha256, bytes = excluded.bytes, created_at = excluded.created_at;

-- name: drop_audio
-- An agent that speaks has no recording.
DELETE FROM agent_audio WHERE workspace_no = $1 AND agent_id = $2;

-- name: audio
-- The recording that an agent has now.
SELECT sha256, bytes FROM agent_audio WHERE workspace_no = $1 AND agent_id = $2;
