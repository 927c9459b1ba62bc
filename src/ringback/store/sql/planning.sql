-- name: campaign_leads
-- The dials of a campaign that wait, as a claim would take them, and its calls that are up: $3 in 65,536 of them, by the
-- random end of their ids. With each come the times at which its call was dialled, from which number it was last, and what
-- is remembered of its own number and of its debt.
WITH dials AS (
    SELECT q.call_id, q.trunk_no, q.attempt, q.due_at, false AS is_live FROM queue q
    WHERE q.workspace_no = $1 AND q.campaign_no = $2
    UNION ALL
    SELECT a.call_id, a.trunk_no, a.attempt, coalesce(a.called_at, a.intent_at), true FROM attempts a
    WHERE a.workspace_no = $1 AND a.campaign_no = $2 AND a.ended_at IS NULL
)
SELECT d.*, c.to_number, c.zone_set_no, c.region, c.zone_source, c.consent_at, c.consent_expires_at, c.created_at,
       c.debt_id, b.dials, b.last_number, k.dials AS counted, k.talked_at, e.dials AS debt_counted,
       e.talked_at AS debt_talked_at
FROM dials d
JOIN calls c ON c.workspace_no = $1 AND c.call_id = d.call_id
LEFT JOIN LATERAL (
    SELECT array_agg(coalesce(a.called_at, a.intent_at) ORDER BY a.attempt) AS dials,
           (array_agg(a.from_number ORDER BY a.attempt DESC))[1] AS last_number
    FROM attempts a
    WHERE d.attempt > 1 AND a.workspace_no = $1 AND a.call_id = d.call_id AND a.attempt < d.attempt
) b ON true
LEFT JOIN contacts k ON k.workspace_no = $1 AND k.to_number = c.to_number
LEFT JOIN contacts e ON e.workspace_no = $1 AND e.to_number = 'debt:' || c.debt_id
WHERE get_byte(uuid_send(d.call_id), 14) * 256 + get_byte(uuid_send(d.call_id), 15) < $3::integer
ORDER BY d.due_at, d.call_id;

-- name: count_campaign
-- How many leads a campaign has, how many of them wait or are up, and how many were reached.
SELECT count(*)::integer AS leads, count(*) FILTER (WHERE final_status IS NULL)::integer AS open,
       count(*) FILTER (WHERE final_reason = 'reached')::integer AS reached
FROM calls WHERE workspace_no = $1 AND campaign_no = $2;

-- name: surroundings
-- What stands above a campaign, or takes slots beside it: its workspace's contact rules, whether that has a do-not-call
-- list and is asked before each dial, and how many other campaigns of it run.
SELECT w.contact_rules::text AS contact_rules, w.list_version, w.pre_dial_check IS NOT NULL AS asks_first,
       (SELECT count(*)::integer FROM campaigns c
        WHERE c.workspace_no = $1 AND c.campaign_no <> $2 AND c.status = 'running') AS other_campaigns
FROM workspaces w WHERE w.workspace_no = $1;

-- name: outcomes
-- How a workspace's attempts of a span ended, by ordinal (all from $4 on together) and by the hour of the lead's own day.
SELECT least(a.attempt, $4::integer)::integer AS attempt,
       extract(hour FROM coalesce(a.called_at, a.intent_at) AT TIME ZONE z.zones[1])::integer AS hour, a.end_reason,
       count(*)::integer AS attempts, sum(a.duration_sec)::integer AS talk_sec, sum(a.ring_sec)::integer AS ring_sec
FROM attempts a
JOIN calls c ON c.workspace_no = $1 AND c.call_id = a.call_id
JOIN zone_sets z ON z.zone_set_no = c.zone_set_no
WHERE a.workspace_no = $1 AND a.intent_at >= $2 AND a.intent_at < $3 AND a.ended_at IS NOT NULL
  AND z.zones <> '{}' AND a.end_reason <> 'cancelled_by_operator'
GROUP BY 1, 2, 3;
