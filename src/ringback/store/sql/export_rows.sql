-- name: calls
-- The calls of an export, with their sums and their states, in no order: they are read as they lie.
SELECT c.call_id AS id, p.campaign_id, CASE WHEN left(c.to_number, 9) <> 'redacted:' THEN c.to_number END AS to_number,
       CASE WHEN left(c.to_number, 9) <> 'redacted:' THEN coalesce(c.from_number, p.from_number) END AS from_number,
       c.name,
       coalesce(c.final_status, CASE a.live_status WHEN 'in-progress' THEN 'in-progress' WHEN 'ringing' THEN 'dialing'
           WHEN 'initiated' THEN 'dialing' END, CASE WHEN q.attempt > 1 THEN 'scheduled' ELSE 'queued' END) AS status,
       c.final_reason, t.name AS trunk, c.created_at, c.finished_at, q.due_at AS next_attempt_at,
       a.attempts, a.connected_sec, a.billed_sec, a.cost_micros, a.currency,
       c.region, c.debt_id, c.consent_at, c.consent_expires_at, c.variables::text AS variables
FROM calls c
LEFT JOIN campaigns p ON p.workspace_no = c.workspace_no AND p.campaign_no = c.campaign_no
LEFT JOIN trunks t ON t.workspace_no = c.workspace_no AND t.trunk_no = coalesce(nullif(c.trunk_no, 0), p.trunk_no)
LEFT JOIN queue q ON q.workspace_no = c.workspace_no AND q.call_id = c.call_id
CROSS JOIN LATERAL (
    SELECT count(*) AS attempts, coalesce(sum(a.duration_sec), 0) AS connected_sec,
           coalesce(sum(a.billed_sec), 0) AS billed_sec,
           CASE WHEN count(DISTINCT a.currency) < 2 THEN coalesce(sum(a.cost_micros), 0)::bigint END AS cost_micros,
           CASE WHEN count(DISTINCT a.currency) < 2 THEN min(a.currency) END AS currency,
           min(a.status) FILTER (WHERE a.ended_at IS NULL) AS live_status
    FROM attempts a WHERE a.workspace_no = c.workspace_no AND a.call_id = c.call_id
) a
WHERE c.workspace_no = $1
  AND ($2::integer IS NULL OR c.campaign_no = $2)
  AND ($3::timestamptz IS NULL OR c.created_at >= $3)
  AND ($4::timestamptz IS NULL OR c.created_at < $4)
  AND ($5::text IS NULL OR c.to_number = $5)
  AND ($6::text IS NULL OR coalesce(c.final_status, CASE a.live_status WHEN 'in-progress' THEN 'in-progress'
       WHEN 'ringing' THEN 'dialing' WHEN 'initiated' THEN 'dialing' END,
       CASE WHEN q.attempt > 1 THEN 'scheduled' ELSE 'queued' END) = $6)
  AND ($7::text IS NULL OR c.final_reason = $7);

-- name: attempts
-- The attempts of an export, in no order: they are read as they lie, which is about that in which they were made.
SELECT a.attempt_id AS id, a.call_id, a.attempt, p.campaign_id,
       CASE WHEN left(c.to_number, 9) <> 'redacted:' THEN c.to_number END AS to_number, a.from_number, t.name AS trunk,
       a.status, a.end_reason, a.called_at, a.answered_at, a.ended_at, a.duration_sec, a.ring_sec, a.answered_by,
       a.sip_code, a.billed_sec, a.cost_micros, a.currency, a.retry_at, a.retry_rule, a.stop_reason, a.policy_version,
       a.details::text AS details
FROM attempts a
LEFT JOIN calls c ON c.workspace_no = a.workspace_no AND c.call_id = a.call_id
LEFT JOIN campaigns p ON p.workspace_no = a.workspace_no AND p.campaign_no = a.campaign_no
LEFT JOIN trunks t ON t.workspace_no = a.workspace_no AND t.trunk_no = a.trunk_no
WHERE a.workspace_no = $1
  AND ($2::integer IS NULL OR a.campaign_no = $2)
  AND ($3::timestamptz IS NULL OR a.intent_at >= $3)
  AND ($4::timestamptz IS NULL OR a.intent_at < $4)
  AND ($5::text IS NULL OR c.to_number = $5)
  AND ($6::text IS NULL OR a.status = $6)
  AND ($7::text IS NULL OR a.end_reason = $7);

-- name: decisions
-- The decisions of an export: dials that were due and withheld, in no order. $6 is always null: they have no state.
SELECT d.decision_id AS id, d.call_id, d.attempt, p.campaign_id,
       CASE WHEN left(c.to_number, 9) <> 'redacted:' THEN c.to_number END AS to_number, d.rule, d.pack, d.pack_version,
       d.first_at, d.last_at, d.times, d.next_at AS next_eligible_at, d.inputs::text AS inputs
FROM decisions d
LEFT JOIN calls c ON c.workspace_no = d.workspace_no AND c.call_id = d.call_id
LEFT JOIN campaigns p ON p.workspace_no = d.workspace_no AND p.campaign_no = c.campaign_no
WHERE d.workspace_no = $1
  AND ($2::integer IS NULL OR c.campaign_no = $2)
  AND ($3::timestamptz IS NULL OR d.first_at >= $3)
  AND ($4::timestamptz IS NULL OR d.first_at < $4)
  AND ($5::text IS NULL OR c.to_number = $5)
  AND ($6::text IS NULL)
  AND ($7::text IS NULL OR d.rule = $7);
