-- name: evidence
-- What the ended attempts of each ordinal in these campaigns come to, by their tallies: a few rows a day of each. What is
-- free has no currency.
SELECT t.workspace_no, t.campaign_no, t.attempt, sum(t.attempts)::bigint AS attempts,
       coalesce(sum(t.attempts) FILTER (WHERE t.end_reason = ANY ($3::text[])), 0)::bigint AS reached,
       sum(t.cost_micros)::bigint AS cost_micros, min(t.currency) FILTER (WHERE t.cost_micros > 0) AS currency,
       count(DISTINCT t.currency) FILTER (WHERE t.cost_micros > 0) AS currencies
FROM unnest($1::integer[], $2::integer[]) AS k (workspace_no, campaign_no)
CROSS JOIN LATERAL (
    SELECT t.* FROM tallies t
    WHERE t.workspace_no = k.workspace_no AND t.campaign_no = k.campaign_no AND k.campaign_no <> 0
    OFFSET 0
) t
GROUP BY t.workspace_no, t.campaign_no, t.attempt;
