-- name: lock_limit
-- Lock one limit row. The engine locks limits before it claims, so whoever holds this row sees every claim or none.
SELECT 1 FROM limits WHERE workspace_no = $1 AND kind = $2 AND ref_no = $3 FOR UPDATE;

-- name: set_caps
-- Change what a limit allows. A pace that is changed or lifted begins anew.
UPDATE limits SET
    max_concurrent_calls = $4, dials_per_sec = $5,
    next_dial_at = CASE WHEN dials_per_sec IS NOT DISTINCT FROM $5 THEN next_dial_at END
WHERE workspace_no = $1 AND kind = $2 AND ref_no = $3;
