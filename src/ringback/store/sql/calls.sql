-- name: create_call
-- A call that belongs to no campaign, and its place in the queue: it is due now, bound by its caller number's limit,
-- or by those of its pool's numbers.
WITH made AS (
    INSERT INTO calls (workspace_no, call_id, campaign_no, trunk_no, agent_id, to_number, from_number, name,
                       zone_set_no, variables, retry, created_at, calling_window, region, zone_source, retry_policy_id,
                       retry_policy_version, consent_at, consent_expires_at, caller_pool_no, debt_id)
    VALUES ($1, $2, 0, $3, $4, $5, $6, $7, $8, $9::text::jsonb, $10::text::jsonb, $11, $12::text::jsonb, $13, $14, $15,
            $16, $17, $18, $19, $20)
    RETURNING workspace_no, call_id, trunk_no, created_at
)
INSERT INTO queue (workspace_no, call_id, campaign_no, trunk_no, caller_no, attempt, due_at)
SELECT workspace_no, call_id, 0, trunk_no,
       coalesce(-$19, (SELECT n.caller_no FROM caller_numbers n WHERE n.workspace_no = $1 AND n.number = $6), 0),
       1, created_at
FROM made;

-- name: calls
-- These calls with what their state is read from and the sums of their attempts, in the order in which they are named.
SELECT c.call_id, c.campaign_no, p.campaign_id, t.trunk_id, t.name AS trunk, coalesce(c.agent_id, p.agent_id) AS agent_id,
       c.to_number, coalesce(c.from_number, p.from_number) AS from_number,
       u.pool_id AS caller_pool_id, c.name, z.zones,
       c.zone_source, c.region, c.calling_window::text AS calling_window, c.consent_at, c.consent_expires_at,
       c.debt_id,
       c.variables::text AS variables, coalesce(c.retry, p.retry)::text AS retry, c.created_at,
       c.retry_policy_id, c.retry_policy_version,
       c.final_status, c.final_reason, c.finished_at, q.attempt AS next_attempt, q.due_at AS next_attempt_at,
       a.live_status, a.attempts, a.connected_sec, a.billed_sec, a.cost_micros, a.currency, a.currencies,
       a.recorded, last.end_reason, last.answered_by, last.called_at, last.duration_sec
FROM unnest($2::uuid[]) WITH ORDINALITY AS w (call_id, place)
CROSS JOIN LATERAL (
    SELECT * FROM calls c WHERE c.workspace_no = $1 AND c.call_id = w.call_id OFFSET 0
) c
LEFT JOIN campaigns p ON p.workspace_no = $1 AND p.campaign_no = c.campaign_no
LEFT JOIN trunks t ON t.workspace_no = $1 AND t.trunk_no = coalesce(nullif(c.trunk_no, 0), p.trunk_no)
LEFT JOIN caller_pools u ON u.workspace_no = $1
    AND u.pool_no = CASE WHEN coalesce(c.from_number, p.from_number) IS NULL
        THEN coalesce(c.caller_pool_no, p.caller_pool_no) END
LEFT JOIN zone_sets z ON z.zone_set_no = c.zone_set_no
LEFT JOIN queue q ON q.workspace_no = $1 AND q.call_id = c.call_id
CROSS JOIN LATERAL (
    SELECT count(*) AS attempts, coalesce(sum(a.duration_sec), 0) AS connected_sec,
           coalesce(sum(a.billed_sec), 0) AS billed_sec, coalesce(sum(a.cost_micros), 0)::bigint AS cost_micros,
           min(a.currency) AS currency, count(DISTINCT a.currency) AS currencies,
           min(a.status) FILTER (WHERE a.ended_at IS NULL) AS live_status,
           max(a.attempt) FILTER (WHERE a.details ? 'recording') AS recorded
    FROM attempts a WHERE a.workspace_no = $1 AND a.call_id = c.call_id
) a
LEFT JOIN LATERAL (
    SELECT l.end_reason, l.answered_by, l.called_at, l.duration_sec
    FROM attempts l WHERE l.workspace_no = $1 AND l.call_id = c.call_id
    ORDER BY l.attempt DESC LIMIT 1
) last ON true
ORDER BY w.place;

-- name: find_calls
-- The ids of a workspace's calls, newest first. A state that is not final is looked up where it shows: in the queue
-- or among the attempts. Ids are in the order of making, so two of them bound the times, and where a reader goes on.
SELECT c.call_id FROM calls c
WHERE c.workspace_no = $1
  AND ($2::uuid IS NULL OR c.agent_id = $2 OR c.campaign_no IN (
      SELECT p.campaign_no FROM campaigns p WHERE p.workspace_no = $1 AND p.agent_id = $2))
  AND ($3::text IS NULL OR c.final_status = $3)
  AND ($4::text IS NULL OR c.final_reason = $4)
  AND ($5::text IS NULL OR c.to_number = $5)
  AND ($6::text IS NULL OR c.final_status IS NULL AND CASE
      WHEN $6 = 'queued' THEN EXISTS (
          SELECT FROM queue q WHERE q.workspace_no = $1 AND q.call_id = c.call_id AND q.attempt = 1)
      WHEN $6 = 'scheduled' THEN EXISTS (
          SELECT FROM queue q WHERE q.workspace_no = $1 AND q.call_id = c.call_id AND q.attempt > 1)
      ELSE EXISTS (
          SELECT FROM attempts a WHERE a.workspace_no = $1 AND a.call_id = c.call_id AND a.ended_at IS NULL
          AND (a.status = 'in-progress') = ($6 = 'in-progress')) END)
  AND ($7::text IS NULL OR coalesce(c.from_number, (
      SELECT p.from_number FROM campaigns p WHERE p.workspace_no = $1 AND p.campaign_no = c.campaign_no)) = $7)
  AND ($8::text IS NULL AND $9::integer IS NULL AND $10::integer IS NULL OR EXISTS (
      SELECT FROM (
          SELECT l.end_reason, l.duration_sec FROM attempts l
          WHERE l.workspace_no = $1 AND l.call_id = c.call_id ORDER BY l.attempt DESC LIMIT 1
      ) l
      WHERE ($8 IS NULL OR l.end_reason = $8)
        AND coalesce(l.duration_sec, 0) BETWEEN coalesce($9, 0) AND coalesce($10, 2147483647)))
  AND ($11::integer IS NULL AND $12::integer IS NULL OR (
      SELECT count(*) FROM attempts m WHERE m.workspace_no = $1 AND m.call_id = c.call_id
      ) BETWEEN coalesce($11, 0) AND coalesce($12, 2147483647))
  AND c.call_id >= $13 AND c.call_id < $14
ORDER BY c.call_id DESC LIMIT $15 OFFSET $16;

-- name: count_calls
-- How many calls find_calls would find in all.
SELECT count(*) FROM calls c
WHERE c.workspace_no = $1
  AND ($2::uuid IS NULL OR c.agent_id = $2 OR c.campaign_no IN (
      SELECT p.campaign_no FROM campaigns p WHERE p.workspace_no = $1 AND p.agent_id = $2))
  AND ($3::text IS NULL OR c.final_status = $3)
  AND ($4::text IS NULL OR c.final_reason = $4)
  AND ($5::text IS NULL OR c.to_number = $5)
  AND ($6::text IS NULL OR c.final_status IS NULL AND CASE
      WHEN $6 = 'queued' THEN EXISTS (
          SELECT FROM queue q WHERE q.workspace_no = $1 AND q.call_id = c.call_id AND q.attempt = 1)
      WHEN $6 = 'scheduled' THEN EXISTS (
          SELECT FROM queue q WHERE q.workspace_no = $1 AND q.call_id = c.call_id AND q.attempt > 1)
      ELSE EXISTS (
          SELECT FROM attempts a WHERE a.workspace_no = $1 AND a.call_id = c.call_id AND a.ended_at IS NULL
          AND (a.status = 'in-progress') = ($6 = 'in-progress')) END)
  AND ($7::text IS NULL OR coalesce(c.from_number, (
      SELECT p.from_number FROM campaigns p WHERE p.workspace_no = $1 AND p.campaign_no = c.campaign_no)) = $7)
  AND ($8::text IS NULL AND $9::integer IS NULL AND $10::integer IS NULL OR EXISTS (
      SELECT FROM (
          SELECT l.end_reason, l.duration_sec FROM attempts l
          WHERE l.workspace_no = $1 AND l.call_id = c.call_id ORDER BY l.attempt DESC LIMIT 1
      ) l
      WHERE ($8 IS NULL OR l.end_reason = $8)
        AND coalesce(l.duration_sec, 0) BETWEEN coalesce($9, 0) AND coalesce($10, 2147483647)))
  AND ($11::integer IS NULL AND $12::integer IS NULL OR (
      SELECT count(*) FROM attempts m WHERE m.workspace_no = $1 AND m.call_id = c.call_id
      ) BETWEEN coalesce($11, 0) AND coalesce($12, 2147483647))
  AND c.call_id >= $13 AND c.call_id < $14;

-- name: find_campaign_calls
-- The same among the calls of one campaign, in an order that its own index gives.
SELECT c.call_id FROM calls c
WHERE c.workspace_no = $1 AND c.campaign_no = $2
  AND ($3::uuid IS NULL OR EXISTS (
      SELECT FROM campaigns p WHERE p.workspace_no = $1 AND p.campaign_no = $2 AND p.agent_id = $3))
  AND ($4::text IS NULL OR c.final_status = $4)
  AND ($5::text IS NULL OR c.final_reason = $5)
  AND ($6::text IS NULL OR c.to_number = $6)
  AND ($7::text IS NULL OR c.final_status IS NULL AND CASE
      WHEN $7 = 'queued' THEN EXISTS (
          SELECT FROM queue q WHERE q.workspace_no = $1 AND q.call_id = c.call_id AND q.attempt = 1)
      WHEN $7 = 'scheduled' THEN EXISTS (
          SELECT FROM queue q WHERE q.workspace_no = $1 AND q.call_id = c.call_id AND q.attempt > 1)
      ELSE EXISTS (
          SELECT FROM attempts a WHERE a.workspace_no = $1 AND a.call_id = c.call_id AND a.ended_at IS NULL
          AND (a.status = 'in-progress') = ($7 = 'in-progress')) END)
  AND ($8::text IS NULL OR coalesce(c.from_number, (
      SELECT p.from_number FROM campaigns p WHERE p.workspace_no = $1 AND p.campaign_no = c.campaign_no)) = $8)
  AND ($9::text IS NULL AND $10::integer IS NULL AND $11::integer IS NULL OR EXISTS (
      SELECT FROM (
          SELECT l.end_reason, l.duration_sec FROM attempts l
          WHERE l.workspace_no = $1 AND l.call_id = c.call_id ORDER BY l.attempt DESC LIMIT 1
      ) l
      WHERE ($9 IS NULL OR l.end_reason = $9)
        AND coalesce(l.duration_sec, 0) BETWEEN coalesce($10, 0) AND coalesce($11, 2147483647)))
  AND ($12::integer IS NULL AND $13::integer IS NULL OR (
      SELECT count(*) FROM attempts m WHERE m.workspace_no = $1 AND m.call_id = c.call_id
      ) BETWEEN coalesce($12, 0) AND coalesce($13, 2147483647))
  AND c.call_id >= $14 AND c.call_id < $15
ORDER BY c.call_id DESC LIMIT $16 OFFSET $17;

-- name: count_campaign_calls
-- How many calls find_campaign_calls would find in all.
SELECT count(*) FROM calls c
WHERE c.workspace_no = $1 AND c.campaign_no = $2
  AND ($3::uuid IS NULL OR EXISTS (
      SELECT FROM campaigns p WHERE p.workspace_no = $1 AND p.campaign_no = $2 AND p.agent_id = $3))
  AND ($4::text IS NULL OR c.final_status = $4)
  AND ($5::text IS NULL OR c.final_reason = $5)
  AND ($6::text IS NULL OR c.to_number = $6)
  AND ($7::text IS NULL OR c.final_status IS NULL AND CASE
      WHEN $7 = 'queued' THEN EXISTS (
          SELECT FROM queue q WHERE q.workspace_no = $1 AND q.call_id = c.call_id AND q.attempt = 1)
      WHEN $7 = 'scheduled' THEN EXISTS (
          SELECT FROM queue q WHERE q.workspace_no = $1 AND q.call_id = c.call_id AND q.attempt > 1)
      ELSE EXISTS (
          SELECT FROM attempts a WHERE a.workspace_no = $1 AND a.call_id = c.call_id AND a.ended_at IS NULL
          AND (a.status = 'in-progress') = ($7 = 'in-progress')) END)
  AND ($8::text IS NULL OR coalesce(c.from_number, (
      SELECT p.from_number FROM campaigns p WHERE p.workspace_no = $1 AND p.campaign_no = c.campaign_no)) = $8)
  AND ($9::text IS NULL AND $10::integer IS NULL AND $11::integer IS NULL OR EXISTS (
      SELECT FROM (
          SELECT l.end_reason, l.duration_sec FROM attempts l
          WHERE l.workspace_no = $1 AND l.call_id = c.call_id ORDER BY l.attempt DESC LIMIT 1
      ) l
      WHERE ($9 IS NULL OR l.end_reason = $9)
        AND coalesce(l.duration_sec, 0) BETWEEN coalesce($10, 0) AND coalesce($11, 2147483647)))
  AND ($12::integer IS NULL AND $13::integer IS NULL OR (
      SELECT count(*) FROM attempts m WHERE m.workspace_no = $1 AND m.call_id = c.call_id
      ) BETWEEN coalesce($12, 0) AND coalesce($13, 2147483647))
  AND c.call_id >= $14 AND c.call_id < $15;
