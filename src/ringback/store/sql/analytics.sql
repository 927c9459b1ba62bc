-- name: bound
-- For the rest of the transaction: what reads much may scan, and share the work out, but not for longer than $1
-- milliseconds. Plans are made for the sides that are asked for: what no side needs is then not joined.
SELECT set_config('statement_timeout', $1::text, true), set_config('enable_seqscan', 'on', true),
       set_config('plan_cache_mode', 'force_custom_plan', true), set_config('work_mem', '64MB', true);

-- name: attempts
-- The sums of a span's ended attempts by one or two of their sides, and, in the row that is the whole, of all of them.
-- Local times are those of the first zone that the lead may be in.
WITH span AS (
    -- an attempt is written down before the trunk is asked: the index is by the one time, the span by the other
    SELECT a.*, coalesce(a.called_at, a.intent_at) AS at FROM attempts a
    WHERE a.workspace_no = $1 AND a.intent_at >= $2::timestamptz - interval '1 hour' AND a.intent_at < $3
      AND coalesce(a.called_at, a.intent_at) >= $2 AND coalesce(a.called_at, a.intent_at) < $3
      AND a.ended_at IS NOT NULL
      AND ($4::integer IS NULL OR a.campaign_no = $4) AND ($5::integer IS NULL OR a.trunk_no = $5)
),
sides AS (
    SELECT a.*, c.to_number,
           extract(hour FROM a.at AT TIME ZONE z.zones[1])::integer::text AS hour,
           extract(isodow FROM a.at AT TIME ZONE z.zones[1])::integer::text AS weekday,
           CASE WHEN b.attempt IS NULL THEN '' ELSE ($9::text[])[array_position($8::text[], b.end_reason)] END
               AS outcome_before,
           CASE WHEN b.attempt IS NULL THEN '-1'
                ELSE width_bucket(extract(epoch FROM a.at - b.ended_at)::integer, $10::integer[])::text END
               AS wait_before,
           -- a number's region is told by its first digits: where many regions share a country code, by a few more
           CASE WHEN c.to_number LIKE '+1%' THEN left(c.to_number, 5) ELSE left(c.to_number, 8) END AS region
    FROM span a
    LEFT JOIN calls c ON c.workspace_no = $1 AND c.call_id = a.call_id
    LEFT JOIN zone_sets z ON z.zone_set_no = c.zone_set_no
    LEFT JOIN attempts b ON b.workspace_no = $1 AND b.call_id = a.call_id AND b.attempt = a.attempt - 1
),
picked AS (
    SELECT s.*,
           CASE $6::text
               WHEN 'attempt' THEN s.attempt::text WHEN 'hour' THEN s.hour WHEN 'weekday' THEN s.weekday
               WHEN 'outcome_before' THEN s.outcome_before WHEN 'wait_before' THEN s.wait_before
               WHEN 'region' THEN s.region WHEN 'trunk' THEN s.trunk_no::text
               WHEN 'caller_number' THEN s.from_number WHEN 'policy_version' THEN s.policy_version::text
               WHEN 'campaign' THEN nullif(s.campaign_no, 0)::text
               WHEN 'day' THEN (s.at AT TIME ZONE 'UTC')::date::text END AS one,
           CASE $7::text
               WHEN 'attempt' THEN s.attempt::text WHEN 'hour' THEN s.hour WHEN 'weekday' THEN s.weekday
               WHEN 'outcome_before' THEN s.outcome_before WHEN 'wait_before' THEN s.wait_before
               WHEN 'region' THEN s.region WHEN 'trunk' THEN s.trunk_no::text
               WHEN 'caller_number' THEN s.from_number WHEN 'policy_version' THEN s.policy_version::text
               WHEN 'campaign' THEN nullif(s.campaign_no, 0)::text
               WHEN 'day' THEN (s.at AT TIME ZONE 'UTC')::date::text END AS two
    FROM sides s
)
SELECT p.one, p.two, grouping(p.one) = 1 AS is_whole, count(*) AS attempts, count(DISTINCT p.call_id) AS calls,
       count(*) FILTER (WHERE p.status = 'completed') AS answered,
       count(*) FILTER (WHERE p.end_reason = ANY ($11::text[])) AS reached,
       sum(p.duration_sec) AS connected_sec, sum(p.billed_sec) AS billed_sec, sum(p.cost_micros)::bigint AS cost_micros,
       min(p.currency) AS currency, count(DISTINCT p.currency) AS currencies,
       min(CASE WHEN 'region' IN ($6, $7) THEN p.to_number END) AS number
FROM picked p
GROUP BY GROUPING SETS ((p.one, p.two), ())
LIMIT $12;

-- name: trunk_names
-- What these trunks are called.
SELECT t.trunk_no AS no, t.trunk_id AS id, t.name FROM trunks t
WHERE t.workspace_no = $1 AND t.trunk_no = ANY ($2::integer[]);

-- name: campaign_names
-- What these campaigns are called.
SELECT c.campaign_no AS no, c.campaign_id AS id, c.name FROM campaigns c
WHERE c.workspace_no = $1 AND c.campaign_no = ANY ($2::integer[]);
