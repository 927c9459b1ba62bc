-- name: create_campaign
-- A campaign, the first version of its policy, and its limit: without a row in limits nothing of it could be dialled.
WITH made AS (
    INSERT INTO campaigns (workspace_no, campaign_id, name, agent_id, trunk_no, from_number, status, retry,
                           window_start_min, window_end_min, starts_at, ends_at, weight, retry_share, ways, lane_trunks,
                           calling_window, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, 'draft', $7::text::jsonb, $8, $9, $10, $11, $12, $13, $14::text::jsonb, $15,
            $18::text::jsonb, $19)
    RETURNING workspace_no, campaign_no, policy_version, retry, created_at
),
in_force AS (
    INSERT INTO campaign_policies (workspace_no, campaign_no, policy_version, retry, policy_id, pinned_version,
                                   created_at)
    SELECT workspace_no, campaign_no, policy_version, retry, $16, $17, created_at FROM made
)
INSERT INTO limits (workspace_no, kind, ref_no, max_concurrent_calls)
SELECT workspace_no, 'campaign', campaign_no, $20 FROM made;

-- name: campaign
-- One campaign with its trunks and its cap.
SELECT c.workspace_no, c.campaign_no, c.campaign_id, c.name, c.agent_id, c.trunk_no, t.trunk_id, t.kind AS trunk_kind,
       c.from_number, c.status, c.retry::text AS retry, c.policy_version, c.window_start_min, c.window_end_min,
       c.starts_at, c.ends_at, c.weight, c.retry_share, c.created_at, c.started_at, c.finished_at,
       (SELECT jsonb_agg(jsonb_build_array(w.way -> 0, w.way -> 1, w.way -> 2, u.trunk_id, u.kind) ORDER BY w.place)::text
        FROM jsonb_array_elements(c.ways) WITH ORDINALITY AS w (way, place)
        JOIN trunks u ON u.workspace_no = c.workspace_no AND u.trunk_no = (w.way ->> 0)::integer) AS ways,
       l.max_concurrent_calls, k.policy_id, k.pinned_version,
       c.calling_window::text AS calling_window, c.rule_packs, c.purpose, c.requires_consent,
       o.rule_packs AS workspace_packs,
       b.amount_micros, b.spent_micros, b.currency AS budget_currency, b.counted_from,
       n.pool_no AS caller_pool_no, n.pool_id AS caller_pool_id
FROM campaigns c
JOIN workspaces o ON o.workspace_no = c.workspace_no
JOIN trunks t ON t.workspace_no = c.workspace_no AND t.trunk_no = c.trunk_no
LEFT JOIN campaign_policies k ON k.workspace_no = c.workspace_no AND k.campaign_no = c.campaign_no
    AND k.policy_version = c.policy_version
LEFT JOIN limits l ON l.workspace_no = c.workspace_no AND l.kind = 'campaign' AND l.ref_no = c.campaign_no
LEFT JOIN budgets b ON b.workspace_no = c.workspace_no AND b.campaign_no = c.campaign_no
LEFT JOIN caller_pools n ON n.workspace_no = c.workspace_no AND n.pool_no = c.caller_pool_no AND c.from_number IS NULL
WHERE c.workspace_no = $1 AND c.campaign_id = $2;

-- name: campaigns
-- A workspace's campaigns with their trunks and caps, newest first.
SELECT c.workspace_no, c.campaign_no, c.campaign_id, c.name, c.agent_id, c.trunk_no, t.trunk_id, t.kind AS trunk_kind,
       c.from_number, c.status, c.retry::text AS retry, c.policy_version, c.window_start_min, c.window_end_min,
       c.starts_at, c.ends_at, c.weight, c.retry_share, c.created_at, c.started_at, c.finished_at,
       (SELECT jsonb_agg(jsonb_build_array(w.way -> 0, w.way -> 1, w.way -> 2, u.trunk_id, u.kind) ORDER BY w.place)::text
        FROM jsonb_array_elements(c.ways) WITH ORDINALITY AS w (way, place)
        JOIN trunks u ON u.workspace_no = c.workspace_no AND u.trunk_no = (w.way ->> 0)::integer) AS ways,
       l.max_concurrent_calls, k.policy_id, k.pinned_version,
       c.calling_window::text AS calling_window, c.rule_packs, c.purpose, c.requires_consent,
       o.rule_packs AS workspace_packs,
       b.amount_micros, b.spent_micros, b.currency AS budget_currency, b.counted_from,
       n.pool_no AS caller_pool_no, n.pool_id AS caller_pool_id
FROM campaigns c
JOIN workspaces o ON o.workspace_no = c.workspace_no
JOIN trunks t ON t.workspace_no = c.workspace_no AND t.trunk_no = c.trunk_no
LEFT JOIN campaign_policies k ON k.workspace_no = c.workspace_no AND k.campaign_no = c.campaign_no
    AND k.policy_version = c.policy_version
LEFT JOIN limits l ON l.workspace_no = c.workspace_no AND l.kind = 'campaign' AND l.ref_no = c.campaign_no
LEFT JOIN budgets b ON b.workspace_no = c.workspace_no AND b.campaign_no = c.campaign_no
LEFT JOIN caller_pools n ON n.workspace_no = c.workspace_no AND n.pool_no = c.caller_pool_no AND c.from_number IS NULL
WHERE c.workspace_no = $1 AND ($2::text IS NULL OR c.status = $2) AND ($3::uuid IS NULL OR c.campaign_id < $3)
ORDER BY c.campaign_id DESC LIMIT $4 OFFSET $5;

-- name: count_campaigns
-- How many campaigns a workspace has.
SELECT count(*) FROM campaigns WHERE workspace_no = $1 AND ($2::text IS NULL OR status = $2);

-- name: lock_campaign
-- Hold a campaign's row, and tell its state as it is now. Claims hold it as well, and wait or are waited for.
SELECT status FROM campaigns WHERE workspace_no = $1 AND campaign_no = $2 FOR UPDATE;

-- name: keep_in_force
-- Note what is in force now, where an API of the release before has changed it and noted nothing.
INSERT INTO campaign_policies (workspace_no, campaign_no, policy_version, retry, created_at)
SELECT workspace_no, campaign_no, policy_version, retry, $3 FROM campaigns
WHERE workspace_no = $1 AND campaign_no = $2
ON CONFLICT DO NOTHING;

-- name: change_campaign
-- What its owner may change. The version goes up with the policy, or with the version of a named one that it is, and is
-- stored with every attempt. In the lanes of the trunks that it had until now there may still be dials.
WITH in_force AS (
    SELECT k.policy_id, k.pinned_version
    FROM campaigns c JOIN campaign_policies k ON k.workspace_no = c.workspace_no AND k.campaign_no = c.campaign_no
        AND k.policy_version = c.policy_version
    WHERE c.workspace_no = $1 AND c.campaign_no = $2
),
changed AS (
    UPDATE campaigns c SET
        name = $3, agent_id = $4, trunk_no = $5, from_number = $6,
        policy_version = CASE WHEN c.retry = $7::text::jsonb AND k.policy_id IS NOT DISTINCT FROM $16::uuid
            AND k.pinned_version IS NOT DISTINCT FROM $17::integer THEN c.policy_version ELSE c.policy_version + 1 END,
        retry = $7::text::jsonb, window_start_min = $8, window_end_min = $9, starts_at = $10, ends_at = $11,
        weight = $12, retry_share = $13, ways = $14::text::jsonb, calling_window = $18::text::jsonb,
        lane_trunks = ARRAY(SELECT DISTINCT unnest(c.lane_trunks || $15::integer[]) ORDER BY 1)
    FROM in_force k
    WHERE c.workspace_no = $1 AND c.campaign_no = $2
    RETURNING c.workspace_no, c.campaign_no, c.policy_version, c.retry
)
INSERT INTO campaign_policies (workspace_no, campaign_no, policy_version, retry, policy_id, pinned_version, created_at)
SELECT workspace_no, campaign_no, policy_version, retry, $16, $17, $19 FROM changed
ON CONFLICT DO NOTHING;

-- name: require_consent
-- Whether a campaign dials nobody who has not agreed to it.
UPDATE campaigns SET requires_consent = $3 WHERE workspace_no = $1 AND campaign_id = $2;

-- name: set_status
-- Move a campaign, whose row is locked, to another state, and tell whoever wants to know.
WITH moved AS (
    UPDATE campaigns SET
        status = $3,
        started_at = CASE WHEN $3 = 'running' THEN coalesce(started_at, $4) ELSE started_at END,
        finished_at = CASE WHEN $3 IN ('completed', 'cancelled') THEN $4 END
    WHERE workspace_no = $1 AND campaign_no = $2
    RETURNING campaign_id, 'campaign.' || CASE status WHEN 'running' THEN 'started' ELSE status END AS event
)
INSERT INTO outbox (workspace_no, webhook_no, subject_id, event, happened_at, due_at)
SELECT w.workspace_no, w.webhook_no, m.campaign_id, m.event, $4, $4
FROM moved m JOIN webhooks w ON w.workspace_no = $1
WHERE w.off_at IS NULL AND m.event = ANY (w.events)
  AND EXISTS (SELECT FROM campaigns b WHERE b.workspace_no = $1 AND b.campaign_no = $2 AND b.status <> $3);

-- name: hang_up_ringing
-- Ask for the calls of a campaign that ring to be hung up: the nodes look for this while it has calls that are up.
UPDATE campaigns SET hang_up = true WHERE workspace_no = $1 AND campaign_no = $2;

-- name: cancel_waiting
-- Take all that waits out of the queue, and end those calls.
WITH taken AS (
    DELETE FROM queue WHERE workspace_no = $1 AND campaign_no = $2 RETURNING call_id
),
finished AS (
    UPDATE calls c SET final_status = 'cancelled', final_reason = 'cancelled', finished_at = $3
    FROM taken t
    WHERE c.workspace_no = $1 AND c.call_id = t.call_id AND c.final_status IS NULL
    RETURNING c.call_id, c.finished_at
),
told AS (
    INSERT INTO outbox (workspace_no, webhook_no, subject_id, event, happened_at, due_at)
    SELECT w.workspace_no, w.webhook_no, f.call_id, 'call.finished', f.finished_at, f.finished_at
    FROM finished f JOIN webhooks w ON w.workspace_no = $1
    WHERE w.off_at IS NULL AND 'call.finished' = ANY (w.events)
)
SELECT count(*) FROM finished;

-- name: waiting_and_live
-- How many calls of a campaign wait, and how many are up.
SELECT
    (SELECT count(*) FROM queue WHERE workspace_no = $1 AND campaign_no = $2) AS queued,
    (SELECT count(*) FROM attempts WHERE workspace_no = $1 AND campaign_no = $2 AND ended_at IS NULL) AS live;
