-- name: recording
-- What tells where an attempt's recording is: by its id its name, and the node that placed the call and has it. Of a call
-- that was anonymised there is none, though its file may take an hour more to go.
SELECT a.attempt_id, n.name AS node, coalesce(a.details ? 'recording', false) AS is_kept
FROM attempts a
LEFT JOIN nodes n ON n.node_no = a.node_no
WHERE a.workspace_no = $1 AND a.call_id = $2 AND a.attempt = $3
  AND EXISTS (
      SELECT FROM calls c
      WHERE c.workspace_no = $1 AND c.call_id = $2 AND left(c.to_number, 9) <> 'redacted:');

-- name: kept_calls
-- Those of these calls that are there and tell who they were to.
SELECT w.call_id FROM unnest($2::uuid[]) AS w (call_id)
CROSS JOIN LATERAL (
    SELECT 1 FROM calls c
    WHERE c.workspace_no = $1 AND c.call_id = w.call_id AND left(c.to_number, 9) <> 'redacted:' OFFSET 0
) c;
