-- name: outcomes_by_local_hour
-- A campaign's ended attempts by the hour of the lead's own day at which they were placed.
SELECT extract(hour FROM coalesce(a.called_at, a.intent_at) AT TIME ZONE z.zones[1])::integer AS hour, a.status,
       a.answered_by, count(*) AS attempts
FROM calls c
JOIN attempts a ON a.workspace_no = c.workspace_no AND a.call_id = c.call_id
JOIN zone_sets z ON z.zone_set_no = c.zone_set_no
WHERE c.workspace_no = $1 AND c.campaign_no = $2 AND a.ended_at IS NOT NULL
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;

-- name: reached_late
-- The first call that was reached by its last attempt of three or more.
SELECT c.call_id FROM calls c
WHERE c.workspace_no = $1 AND c.campaign_no = $2 AND c.final_reason = 'reached'
  AND (SELECT count(*) FROM attempts a WHERE a.workspace_no = c.workspace_no AND a.call_id = c.call_id) >= 3
ORDER BY c.call_id LIMIT 1;

-- name: never_reached
-- The first call that was dialled as often as its policy allows and never answered.
SELECT c.call_id FROM calls c
WHERE c.workspace_no = $1 AND c.campaign_no = $2 AND c.final_reason = 'attempts_exhausted'
  AND c.final_status = 'no-answer'
ORDER BY c.call_id LIMIT 1;

-- name: busy_then_reached
-- The first call that was busy and then reached.
SELECT c.call_id FROM calls c
WHERE c.workspace_no = $1 AND c.campaign_no = $2 AND c.final_reason = 'reached'
  AND EXISTS (SELECT FROM attempts a
              WHERE a.workspace_no = c.workspace_no AND a.call_id = c.call_id AND a.status = 'busy')
ORDER BY c.call_id LIMIT 1;
