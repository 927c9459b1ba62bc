-- name: count_leads
-- A campaign's calls by how they ended; those that are not over have neither status nor reason.
SELECT final_status, final_reason, count(*) AS calls FROM calls
WHERE workspace_no = $1 AND campaign_no = $2
GROUP BY final_status, final_reason;

-- name: count_waiting
-- Those that wait: for their first dial, and for another one.
SELECT count(*) FILTER (WHERE attempt = 1) AS queued, count(*) FILTER (WHERE attempt > 1) AS scheduled FROM queue
WHERE workspace_no = $1 AND campaign_no = $2;

-- name: count_live
-- Those that are up.
SELECT count(*) FROM attempts WHERE workspace_no = $1 AND campaign_no = $2 AND ended_at IS NULL;

-- name: tallies
-- The sums of a campaign's ended attempts.
SELECT day, attempt, end_reason, currency, status, attempts, connected_sec, billed_sec, cost_micros FROM tallies
WHERE workspace_no = $1 AND campaign_no = $2
ORDER BY day, attempt, end_reason, currency;
