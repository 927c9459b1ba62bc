-- name: count_pasts
-- How many calls were made in a span.
SELECT count(*) FROM calls c
WHERE c.workspace_no = $1 AND c.call_id >= $2 AND c.call_id < $3 AND ($4::integer IS NULL OR c.campaign_no = $4);

-- name: pasts
-- Of the calls that were made in a span $5 in 65,536, by the random end of their ids, with what their redials followed
-- from. A campaign's call has its campaign's hours and end, a single one its own hours or none.
SELECT c.created_at, c.final_status IS NOT DISTINCT FROM 'expired' AS expired, z.zones,
       c.to_number, c.region, p.window_start_min, p.window_end_min,
       coalesce(c.calling_window, p.calling_window)::text AS calling_window,
       least(p.ends_at, c.consent_expires_at) AS ends_at, a.*
FROM calls c
JOIN zone_sets z ON z.zone_set_no = c.zone_set_no
LEFT JOIN campaigns p ON p.workspace_no = $1 AND p.campaign_no = c.campaign_no
CROSS JOIN LATERAL (
    SELECT array_agg(a.end_reason ORDER BY a.attempt) AS reasons,
           array_agg(coalesce(a.called_at, a.intent_at) ORDER BY a.attempt) AS called,
           array_agg(a.ended_at ORDER BY a.attempt) AS ended, array_agg(a.duration_sec ORDER BY a.attempt) AS talked,
           array_agg(a.retry_at ORDER BY a.attempt) AS due, array_agg(a.retry_rule ORDER BY a.attempt) AS rules
    FROM attempts a WHERE a.workspace_no = $1 AND a.call_id = c.call_id AND a.ended_at IS NOT NULL
) a
WHERE c.workspace_no = $1 AND c.call_id >= $2 AND c.call_id < $3 AND ($4::integer IS NULL OR c.campaign_no = $4)
  AND get_byte(uuid_send(c.call_id), 14) * 256 + get_byte(uuid_send(c.call_id), 15) < $5::integer
  AND a.reasons IS NOT NULL
ORDER BY c.call_id;
