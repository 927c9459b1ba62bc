-- name: history
-- One call and all its attempts, oldest first, each by its primary key. A call that was never dialled is one row
-- without an attempt.
SELECT c.final_status, c.final_reason, q.attempt AS next_attempt, q.due_at AS next_attempt_at,
       a.attempt, a.status, a.duration_sec, a.called_at, a.intent_at, a.answered_at, a.ended_at, a.end_reason,
       a.ring_sec, a.answered_by, a.from_number, t.name AS trunk, a.sip_code, a.billed_sec, a.cost_micros, a.currency,
       a.retry_at, a.retry_rule, a.stop_reason, a.attempt_id, a.policy_version, a.details::text AS details
FROM calls c
LEFT JOIN queue q ON q.workspace_no = c.workspace_no AND q.call_id = c.call_id
LEFT JOIN attempts a ON a.workspace_no = c.workspace_no AND a.call_id = c.call_id
LEFT JOIN trunks t ON t.workspace_no = a.workspace_no AND t.trunk_no = a.trunk_no
WHERE c.workspace_no = $1 AND c.call_id = $2
ORDER BY a.attempt;
