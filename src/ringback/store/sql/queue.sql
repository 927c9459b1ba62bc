-- name: due_lanes
-- Every lane that may be dialled by its campaign's state, first dials and redials apart, with the time of the first that
-- waits, longest waiting first. Nothing of a campaign is due before it begins. Whoever has taken all up to an instant
-- looks on from there ($1, by the lane's key): dead rows before it would be walked over until they are vacuumed. With
-- each come the trunks over which its dials may go; of a campaign with several, those that it once had are among them.
WITH open_lanes AS (
    SELECT workspace_no, campaign_no, 0 AS trunk_no, 0 AS caller_no, trunk_no || lane_trunks AS via_trunk_nos, starts_at
    FROM campaigns
    WHERE status = 'running'
    UNION ALL
    -- dials that must go over one of its trunks, as another has refused them
    SELECT c.workspace_no, c.campaign_no, t.trunk_no, 0, ARRAY[t.trunk_no], c.starts_at
    FROM campaigns c CROSS JOIN unnest(c.lane_trunks) AS t (trunk_no)
    WHERE c.status = 'running'
    UNION ALL
    -- single calls wait in a lane of their trunk, and of their caller number where that has a limit
    SELECT workspace_no, 0, trunk_no, 0, ARRAY[trunk_no], NULL FROM trunks
    UNION ALL
    SELECT t.workspace_no, 0, t.trunk_no, n.caller_no, ARRAY[t.trunk_no], NULL
    FROM trunks t JOIN caller_numbers n ON n.workspace_no = t.workspace_no
    UNION ALL
    -- or of their caller pool
    SELECT t.workspace_no, 0, t.trunk_no, -p.pool_no, ARRAY[t.trunk_no], NULL
    FROM trunks t JOIN caller_pools p ON p.workspace_no = t.workspace_no
)
SELECT l.workspace_no, l.campaign_no, l.trunk_no, l.caller_no, l.via_trunk_nos, k.redial,
       greatest(first.due_at, l.starts_at) AS due_at
FROM open_lanes l
CROSS JOIN (VALUES (false), (true)) AS k (redial)
CROSS JOIN LATERAL (
    SELECT q.due_at FROM queue q
    WHERE q.workspace_no = l.workspace_no AND q.campaign_no = l.campaign_no AND q.trunk_no = l.trunk_no
      AND q.caller_no = l.caller_no AND (q.attempt > 1) = k.redial
      AND q.due_at >= coalesce(($1::jsonb ->> concat_ws('/', l.workspace_no, l.campaign_no, l.trunk_no, l.caller_no,
                                                        k.redial))::timestamptz, '-infinity')
    ORDER BY q.due_at LIMIT 1
) first
ORDER BY due_at, l.workspace_no, l.campaign_no, l.trunk_no, l.caller_no;

-- name: lanes_now
-- The lanes as they are now, a row for each trunk that they may go over, with campaign, trunk and caps. Campaigns are held: whoever pauses one
-- waits for this claim, and a claim that comes after sees the pause. The node's own row is held too: nobody ends a node
-- that is claiming, and one that was ended finds no lanes here.
WITH me AS MATERIALIZED (
    SELECT node_no FROM nodes WHERE node_no = $6 AND ended_at IS NULL AND lease_until > $7 FOR KEY SHARE
),
lanes AS (
    SELECT * FROM unnest($1::integer[], $2::integer[], $3::integer[], $4::integer[], $5::integer[])
        AS l (workspace_no, campaign_no, trunk_no, caller_no, via_trunk_no)
),
held AS MATERIALIZED (
    SELECT * FROM campaigns c
    WHERE (c.workspace_no, c.campaign_no) IN (SELECT workspace_no, campaign_no FROM lanes)
    ORDER BY c.workspace_no, c.campaign_no
    FOR SHARE
)
SELECT l.workspace_no, l.campaign_no, l.trunk_no, l.caller_no, l.via_trunk_no,
       c.trunk_no AS campaign_trunk_no, c.status, c.from_number, c.retry::text AS retry, c.policy_version,
       c.window_start_min, c.window_end_min, c.calling_window::text AS calling_window, c.ends_at, c.weight,
       c.retry_share, c.ways::text AS ways, c.requires_consent,
       t.trunk_id, t.kind, t.settings::text AS settings, t.billing::text AS billing, t.lost_call_hold_sec,
       t.rate_deck_id, b.caller_no AS bound_caller_no,
       x.amount_micros AS workspace_budget, x.spent_micros AS workspace_spent,
       y.amount_micros AS campaign_budget, y.spent_micros AS campaign_spent,
       CASE WHEN l.campaign_no = 0 THEN greatest(-l.caller_no, 0)
            WHEN c.from_number IS NULL THEN coalesce(c.caller_pool_no, 0) ELSE 0 END AS pool_no,
       o.workspace_id, c.campaign_id, o.rule_packs AS workspace_packs, c.rule_packs AS campaign_packs,
       coalesce(c.purpose, o.purpose) AS purpose, o.pre_dial_check IS NOT NULL AS has_check,
       w.ref_no IS NOT NULL AS workspace_known, w.max_concurrent_calls AS workspace_calls,
       w.dials_per_sec AS workspace_dials,
       g.ref_no IS NOT NULL AS campaign_known, g.max_concurrent_calls AS campaign_calls,
       g.dials_per_sec AS campaign_dials,
       r.ref_no IS NOT NULL AS trunk_known, r.max_concurrent_calls AS trunk_calls, r.dials_per_sec AS trunk_dials,
       n.ref_no IS NOT NULL AS caller_known, n.max_concurrent_calls AS caller_calls, n.dials_per_sec AS caller_dials,
       pg_current_xact_id()::text AS transaction_id
FROM me
CROSS JOIN lanes l
LEFT JOIN workspaces o ON o.workspace_no = l.workspace_no
LEFT JOIN held c ON c.workspace_no = l.workspace_no AND c.campaign_no = l.campaign_no
LEFT JOIN trunks t ON t.workspace_no = l.workspace_no AND t.trunk_no = l.via_trunk_no
CROSS JOIN LATERAL (
    SELECT coalesce(nullif(greatest(l.caller_no, 0), 0), (
        SELECT m.caller_no FROM caller_numbers m WHERE m.workspace_no = l.workspace_no AND m.number = c.from_number), 0)
    AS caller_no
) b
LEFT JOIN limits w ON w.workspace_no = l.workspace_no AND w.kind = 'workspace' AND w.ref_no = 0
LEFT JOIN limits g ON g.workspace_no = l.workspace_no AND g.kind = 'campaign' AND g.ref_no = l.campaign_no
LEFT JOIN limits r ON r.workspace_no = l.workspace_no AND r.kind = 'trunk' AND r.ref_no = l.via_trunk_no
LEFT JOIN limits n ON n.workspace_no = l.workspace_no AND n.kind = 'caller' AND n.ref_no = b.caller_no
LEFT JOIN LATERAL (
    SELECT b.amount_micros, b.spent_micros FROM budgets b
    WHERE b.workspace_no = l.workspace_no AND b.campaign_no = 0 OFFSET 0
) x ON true
LEFT JOIN LATERAL (
    SELECT b.amount_micros, b.spent_micros FROM budgets b
    WHERE b.workspace_no = l.workspace_no AND b.campaign_no = l.campaign_no AND l.campaign_no <> 0 OFFSET 0
) y ON true;

-- name: take_due
-- Take the dials that are due out of the queue, so many from each lane, with what the dial needs of its call: redials
-- first, as many as the lane has set aside for them, then first dials with what is left of the lane's share. Those that
-- must go over one trunk come with the trunks that refused them in a row, redials of campaigns with a caller pool ($10)
-- and of such single calls with the number that they went from before.
WITH lanes AS (
    SELECT * FROM unnest($1::integer[], $2::integer[], $3::integer[], $4::integer[], $5::integer[], $6::integer[],
                         $7::timestamptz[], $8::timestamptz[])
        AS l (workspace_no, campaign_no, trunk_no, caller_no, share, redials, first_from, redial_from)
),
due AS (
    SELECT redial.rows || first.rows AS rows FROM lanes l
    -- as constants, both would be folded into conditions that the index does not know
    CROSS JOIN unnest('{true}'::boolean[], '{false}'::boolean[]) AS k (redial, first)
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(d.at), '{}') AS rows FROM (
            SELECT q.ctid AS at FROM queue q
            WHERE q.workspace_no = l.workspace_no AND q.campaign_no = l.campaign_no AND q.trunk_no = l.trunk_no
              AND q.caller_no = l.caller_no AND (q.attempt > 1) = k.redial
              AND q.due_at >= l.redial_from AND q.due_at <= $9
            ORDER BY q.due_at LIMIT l.redials
            FOR UPDATE SKIP LOCKED -- another node's are not waited for
        ) d
    ) redial
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(d.at), '{}') AS rows FROM (
            SELECT q.ctid AS at FROM queue q
            WHERE q.workspace_no = l.workspace_no AND q.campaign_no = l.campaign_no AND q.trunk_no = l.trunk_no
              AND q.caller_no = l.caller_no AND (q.attempt > 1) = k.first
              AND q.due_at >= l.first_from AND q.due_at <= $9
            ORDER BY q.due_at LIMIT l.share - cardinality(redial.rows)
            FOR UPDATE SKIP LOCKED
        ) d
    ) first
),
taken AS (
    DELETE FROM queue q WHERE q.ctid = ANY (ARRAY(SELECT unnest(rows) FROM due))
    RETURNING q.workspace_no, q.call_id, q.campaign_no, q.trunk_no, q.caller_no, q.attempt, q.due_at
)
SELECT t.*, c.to_number, c.from_number, c.zone_set_no, c.region, c.zone_source, c.consent_at, c.consent_expires_at,
       c.debt_id,
       c.calling_window::text AS calling_window, c.retry::text AS retry, c.created_at,
       CASE WHEN t.campaign_no = 0 THEN coalesce(-c.caller_pool_no, (
           SELECT n.caller_no FROM caller_numbers n
           WHERE n.workspace_no = t.workspace_no AND n.number = c.from_number), 0) ELSE 0 END AS own_caller_no,
       CASE WHEN t.attempt > 1 AND (t.campaign_no = ANY ($10::integer[]) OR c.caller_pool_no IS NOT NULL) THEN (
           SELECT a.from_number FROM attempts a
           WHERE a.workspace_no = t.workspace_no AND a.call_id = t.call_id AND a.attempt = t.attempt - 1)
       END AS last_number,
       CASE WHEN t.campaign_no <> 0 AND t.trunk_no <> 0 THEN ARRAY(
           SELECT a.trunk_no FROM attempts a
           WHERE a.workspace_no = t.workspace_no AND a.call_id = t.call_id AND a.attempt < t.attempt
             AND a.attempt > coalesce((
                 SELECT max(p.attempt) FROM attempts p
                 WHERE p.workspace_no = t.workspace_no AND p.call_id = t.call_id AND p.attempt < t.attempt
                   AND p.retry_trunk_no IS NULL), 0)
           ORDER BY a.attempt) END AS refused_by
FROM taken t
CROSS JOIN LATERAL (
    SELECT * FROM calls c WHERE c.workspace_no = t.workspace_no AND c.call_id = t.call_id OFFSET 0
) c
ORDER BY t.due_at, t.call_id;

-- name: intend
-- Record the intents. From here on these dials exist, whether or not the node lives to place them. What the dials of
-- one route have in common is sent once. In the same step, what was dialled from the numbers of caller pools, if any:
-- this claim holds their rows.
WITH counted AS (
    UPDATE caller_pool_numbers m SET began_at = u.began_at, dials = u.dials, last_at = u.last_at
    FROM unnest($14::integer[], $15::integer[], $16::timestamptz[], $17::integer[], $18::timestamptz[])
        AS u (workspace_no, caller_no, began_at, dials, last_at)
    WHERE m.workspace_no = u.workspace_no AND m.caller_no = u.caller_no
)
INSERT INTO attempts (workspace_no, call_id, attempt, attempt_id, campaign_no, trunk_no, caller_no, policy_version,
                      from_number, unchecked, node_no, status, intent_at)
SELECT r.workspace_no, i.call_id, i.attempt, i.attempt_id, r.campaign_no, r.trunk_no, r.caller_no, r.policy_version,
       r.from_number, r.unchecked, $12, 'initiated', $13
FROM unnest($1::uuid[], $2::smallint[], $3::uuid[], $4::integer[]) AS i (call_id, attempt, attempt_id, route)
JOIN unnest($5::integer[], $6::integer[], $7::integer[], $8::integer[], $9::integer[], $10::text[], $11::boolean[])
    WITH ORDINALITY AS r (workspace_no, campaign_no, trunk_no, caller_no, policy_version, from_number, unchecked, route_no)
    ON r.route_no = i.route;

-- name: postpone
-- Put back what was due at an hour at which it may not be dialled.
INSERT INTO queue (workspace_no, call_id, campaign_no, trunk_no, caller_no, attempt, due_at)
SELECT * FROM unnest($1::integer[], $2::uuid[], $3::integer[], $4::integer[], $5::integer[], $6::smallint[],
                     $7::timestamptz[]);

-- name: loosen
-- Let dials that are due and must go over one trunk go over any: that one takes none, or is the campaign's no more. They
-- are due anew, for whoever looks on from where he left off would not see them. What others hold is left to them.
UPDATE queue q SET trunk_no = 0, due_at = $4
WHERE q.ctid = ANY (ARRAY(
    SELECT r.at FROM unnest($1::integer[], $2::integer[], $3::integer[]) AS l (workspace_no, campaign_no, trunk_no)
    CROSS JOIN LATERAL (
        SELECT q.ctid AS at FROM queue q
        WHERE q.workspace_no = l.workspace_no AND q.campaign_no = l.campaign_no AND q.trunk_no = l.trunk_no
          AND q.due_at <= $4
        FOR UPDATE SKIP LOCKED
    ) r));

-- name: end
-- End the calls that were due and are never dialled: no time is left for them, somebody wants no calls, or they are not
-- worth it. Without a status they rest as their last attempt left them.
WITH finished AS (
    UPDATE calls c SET final_status = coalesce(e.final_status, (
            SELECT a.status FROM attempts a
            WHERE a.workspace_no = e.workspace_no AND a.call_id = e.call_id AND a.end_reason IS NOT NULL
            ORDER BY a.attempt DESC LIMIT 1)),
        final_reason = e.final_reason, finished_at = $5
    FROM unnest($1::integer[], $2::uuid[], $3::text[], $4::text[])
        AS e (workspace_no, call_id, final_status, final_reason)
    WHERE c.workspace_no = e.workspace_no AND c.call_id = e.call_id AND c.final_status IS NULL
    RETURNING c.workspace_no, c.call_id, c.finished_at
)
INSERT INTO outbox (workspace_no, webhook_no, subject_id, event, happened_at, due_at)
SELECT w.workspace_no, w.webhook_no, f.call_id, 'call.finished', f.finished_at, f.finished_at
FROM finished f JOIN webhooks w ON w.workspace_no = f.workspace_no
WHERE w.off_at IS NULL AND 'call.finished' = ANY (w.events);

-- name: transaction_state
-- Whether a claim whose commit was cut off came about: in progress, committed, aborted, or null for long ago.
SELECT pg_xact_status($1::text::xid8);

-- name: zone_sets
-- The time zones behind these numbers; a set never changes.
SELECT zone_set_no, zones FROM zone_sets WHERE zone_set_no = ANY ($1::integer[]);
