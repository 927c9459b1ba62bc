-- name: pulse
-- A question that a server answers at once, unless it hangs.
SELECT 1;
