-- name: lock_limit
-- Lock one limit row: no node is granted anything of it meanwhile, and what is read after this is as it is now.
SELECT 1 FROM limits WHERE workspace_no = $1 AND kind = $2 AND ref_no = $3 FOR UPDATE;

-- name: set_caps
-- Change what a limit allows: the next claim of any node goes by it.
UPDATE limits SET max_concurrent_calls = $4, dials_per_sec = $5
WHERE workspace_no = $1 AND kind = $2 AND ref_no = $3;
