-- name: turn
-- A call as a claim would take it out of the queue, and what its state is read from: its place in the queue, its last
-- attempt, and the last decision about the dial that waits.
SELECT c.workspace_no, c.call_id, c.campaign_no, c.to_number, c.from_number, c.zone_set_no, c.region, c.zone_source,
       c.consent_at, c.consent_expires_at, c.debt_id,
       c.calling_window::text AS calling_window, c.retry::text AS retry, c.created_at, c.final_status, c.final_reason, c.finished_at,
       p.starts_at, p.ends_at,
       q.attempt, q.due_at, coalesce(q.trunk_no, c.trunk_no) AS trunk_no, coalesce(q.caller_no, 0) AS caller_no,
       a.attempt AS last_attempt, a.status AS last_status, a.end_reason, a.ended_at, a.retry_at, a.retry_rule,
       a.stop_reason, coalesce(a.called_at, a.intent_at) AS since, a.node_no, t.kind AS trunk_kind,
       t.settings::text AS settings,
       d.attempt AS decided_attempt, d.rule AS decided_rule, d.pack AS decided_pack, d.pack_version AS decided_version,
       d.next_at AS decided_until,
       d.inputs::text AS decided_by
FROM calls c
LEFT JOIN campaigns p ON p.workspace_no = c.workspace_no AND p.campaign_no = c.campaign_no
LEFT JOIN queue q ON q.workspace_no = c.workspace_no AND q.call_id = c.call_id
LEFT JOIN LATERAL (
    SELECT * FROM attempts a WHERE a.workspace_no = c.workspace_no AND a.call_id = c.call_id
    ORDER BY a.attempt DESC LIMIT 1
) a ON true
LEFT JOIN trunks t ON t.workspace_no = a.workspace_no AND t.trunk_no = a.trunk_no
LEFT JOIN LATERAL (
    SELECT * FROM decisions d WHERE d.workspace_no = c.workspace_no AND d.call_id = c.call_id
    ORDER BY d.decision_id DESC LIMIT 1
) d ON true
WHERE c.workspace_no = $1 AND c.call_id = $2;

-- name: lanes_seen
-- The lane in which a call waits, a row for each trunk that its dial may go over, as `lanes_now` tells a claim: what is
-- only looked at is not held.
WITH lanes AS (
    SELECT $1::integer AS workspace_no, $2::integer AS campaign_no, $3::integer AS trunk_no, $4::integer AS caller_no
)
SELECT l.workspace_no, l.campaign_no, l.trunk_no, l.caller_no, v.via_trunk_no,
       c.trunk_no AS campaign_trunk_no, c.status, c.from_number, c.retry::text AS retry, c.policy_version,
       c.window_start_min, c.window_end_min, c.calling_window::text AS calling_window, c.ends_at, c.weight,
       c.retry_share, c.ways::text AS ways, c.requires_consent,
       t.trunk_id, t.kind, t.settings::text AS settings, t.billing::text AS billing, t.lost_call_hold_sec,
       t.rate_deck_id, b.caller_no AS bound_caller_no,
       x.amount_micros AS workspace_budget, x.spent_micros AS workspace_spent,
       y.amount_micros AS campaign_budget, y.spent_micros AS campaign_spent, o.currency,
       CASE WHEN l.campaign_no = 0 THEN greatest(-l.caller_no, 0)
            WHEN c.from_number IS NULL THEN coalesce(c.caller_pool_no, 0) ELSE 0 END AS pool_no,
       o.workspace_id, c.campaign_id, o.rule_packs AS workspace_packs, c.rule_packs AS campaign_packs,
       coalesce(c.purpose, o.purpose) AS purpose,
       w.ref_no IS NOT NULL AS workspace_known, w.max_concurrent_calls AS workspace_calls,
       w.dials_per_sec AS workspace_dials,
       g.ref_no IS NOT NULL AS campaign_known, g.max_concurrent_calls AS campaign_calls,
       g.dials_per_sec AS campaign_dials,
       r.ref_no IS NOT NULL AS trunk_known, r.max_concurrent_calls AS trunk_calls, r.dials_per_sec AS trunk_dials,
       n.ref_no IS NOT NULL AS caller_known, n.max_concurrent_calls AS caller_calls, n.dials_per_sec AS caller_dials
FROM lanes l
LEFT JOIN workspaces o ON o.workspace_no = l.workspace_no
LEFT JOIN campaigns c ON c.workspace_no = l.workspace_no AND c.campaign_no = l.campaign_no
CROSS JOIN LATERAL (
    SELECT DISTINCT via.trunk_no AS via_trunk_no
    FROM unnest(CASE WHEN l.trunk_no <> 0 THEN ARRAY[l.trunk_no] ELSE c.trunk_no || c.lane_trunks END) AS via (trunk_no)
) v
LEFT JOIN trunks t ON t.workspace_no = l.workspace_no AND t.trunk_no = v.via_trunk_no
CROSS JOIN LATERAL (
    SELECT coalesce(nullif(greatest(l.caller_no, 0), 0), (
        SELECT m.caller_no FROM caller_numbers m WHERE m.workspace_no = l.workspace_no AND m.number = c.from_number), 0)
    AS caller_no
) b
LEFT JOIN limits w ON w.workspace_no = l.workspace_no AND w.kind = 'workspace' AND w.ref_no = 0
LEFT JOIN limits g ON g.workspace_no = l.workspace_no AND g.kind = 'campaign' AND g.ref_no = l.campaign_no
LEFT JOIN limits r ON r.workspace_no = l.workspace_no AND r.kind = 'trunk' AND r.ref_no = v.via_trunk_no
LEFT JOIN limits n ON n.workspace_no = l.workspace_no AND n.kind = 'caller' AND n.ref_no = b.caller_no
LEFT JOIN LATERAL (
    SELECT b.amount_micros, b.spent_micros FROM budgets b
    WHERE b.workspace_no = l.workspace_no AND b.campaign_no = 0 OFFSET 0
) x ON true
LEFT JOIN LATERAL (
    SELECT b.amount_micros, b.spent_micros FROM budgets b
    WHERE b.workspace_no = l.workspace_no AND b.campaign_no = l.campaign_no AND l.campaign_no <> 0 OFFSET 0
) y ON true
ORDER BY v.via_trunk_no;

-- name: in_use
-- How many calls are up under each of these limits, and how many of them have been dialled since $4. Costs what is up.
WITH up AS MATERIALIZED (
    SELECT a.campaign_no, a.trunk_no, a.caller_no, a.intent_at FROM attempts a
    WHERE a.workspace_no = $1 AND a.ended_at IS NULL
)
SELECT w.kind, w.ref_no, count(u.intent_at) AS calls, count(u.intent_at) FILTER (WHERE u.intent_at > $4) AS dials
FROM unnest($2::text[], $3::integer[]) AS w (kind, ref_no)
LEFT JOIN up u ON w.ref_no = CASE w.kind
    WHEN 'campaign' THEN u.campaign_no WHEN 'trunk' THEN u.trunk_no WHEN 'caller' THEN u.caller_no ELSE 0 END
GROUP BY w.kind, w.ref_no;

-- name: node_lives
-- Whether any node lives: without one nothing is dialled.
SELECT EXISTS (SELECT FROM nodes WHERE explained_at IS NULL AND ended_at IS NULL AND lease_until > $1);

-- name: contact
-- When a number was dialled lately, and when somebody last talked there.
SELECT dials, talked_at FROM contacts WHERE workspace_no = $1 AND to_number = $2;

-- name: not_due
-- How many dials of a campaign are not due at $3, by the decision that has put them off to when they are. Reads the
-- campaign's queue once, and the workspace's decisions that are not over.
SELECT q.attempt > 1 AS redial, d.rule, d.pack, d.pack_version, d.inputs ->> 'why' AS why, count(*)::integer AS leads,
       min(q.due_at) AS first_until, max(q.due_at) AS last_until
FROM queue q
LEFT JOIN decisions d ON d.workspace_no = $1 AND d.call_id = q.call_id AND d.attempt = q.attempt
    AND d.next_at = q.due_at AND d.next_at > $3
WHERE q.workspace_no = $1 AND q.campaign_no = $2 AND q.due_at > $3
GROUP BY 1, 2, 3, 4, 5;

-- name: in_key_order
-- For the rest of the transaction: large tables are read side by side in the order of their keys, and sums are kept by
-- group. The planner takes groups of leads to be as many as leads, and would sort them all.
SELECT set_config('enable_sort', 'off', true), set_config('enable_hashjoin', 'off', true);

-- name: due_groups
-- How many dials of a campaign are due at $3, by what their calling hours depend on: where the lead may be, and whether it
-- has agreed to be called. Reads the campaign's queue and its calls once; of each group it has a number, a time of
-- creation and a consent.
SELECT $1::integer AS workspace_no, $2::integer AS campaign_no, c.zone_set_no, c.zone_source, c.region,
       min(c.to_number) AS to_number, min(c.created_at) AS created_at, count(*)::integer AS leads,
       min(c.consent_at) AS consent_at, min(c.consent_expires_at) AS consent_expires_at
FROM queue q
JOIN calls c ON c.workspace_no = $1 AND c.campaign_no = $2 AND c.call_id = q.call_id
WHERE q.workspace_no = $1 AND q.campaign_no = $2 AND q.due_at <= $3
-- the country, and of +1 the area
GROUP BY c.zone_set_no, c.zone_source, c.region, left(c.to_number, CASE WHEN c.to_number LIKE '+1%' THEN 5 ELSE 7 END),
         coalesce(c.consent_at <= $3, false), coalesce(c.consent_expires_at <= $3, false);

-- name: count_due
-- How many dials of a campaign are due at $3.
SELECT count(*)::integer FROM queue WHERE workspace_no = $1 AND campaign_no = $2 AND due_at <= $3;
