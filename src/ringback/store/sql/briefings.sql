-- name: briefings
-- Who handles each of these calls once it is answered: its own agent, or its campaign's, with what it is told of the
-- call. A call without an agent is missing. Each row is found by its key, whatever the planner believes of the tables.
SELECT w.workspace_no, w.call_id, a.agent_id, a.kind, a.settings::text AS settings, c.variables::text AS variables,
       c.name, p.name AS campaign
FROM unnest($1::integer[], $2::uuid[]) AS w (workspace_no, call_id)
CROSS JOIN LATERAL (
    SELECT * FROM calls c WHERE c.workspace_no = w.workspace_no AND c.call_id = w.call_id OFFSET 0
) c
LEFT JOIN LATERAL (
    SELECT * FROM campaigns p WHERE p.workspace_no = w.workspace_no AND p.campaign_no = c.campaign_no OFFSET 0
) p ON true
CROSS JOIN LATERAL (
    SELECT * FROM agents a
    WHERE a.workspace_no = w.workspace_no AND a.agent_id = coalesce(c.agent_id, p.agent_id) OFFSET 0
) a;
