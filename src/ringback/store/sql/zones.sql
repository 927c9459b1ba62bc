-- name: lock_zone_sets
-- One at a time keeps new sets, so that their numbers become visible in ascending order: a reader asks for those
-- above the last that it has seen.
LOCK TABLE zone_sets IN SHARE ROW EXCLUSIVE MODE;

-- name: find_zone_set
-- The number of a set of time zones.
SELECT zone_set_no FROM zone_sets WHERE zones = $1;

-- name: add_zone_set
-- Keep a set that nobody has kept yet.
INSERT INTO zone_sets (zones) VALUES ($1) RETURNING zone_set_no;
