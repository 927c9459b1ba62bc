-- name: reserve_requests
-- Reserve requests for a server, out of what a key has left in a window: at most $5, and of what is left at most an
-- eighth, so that the last ones are had by whoever asks. The sum of what was reserved never exceeds the limit $4. A server
-- whose clock is behind is given some of the window that has begun already.
INSERT INTO request_windows AS w (workspace_no, key_id, window_no, taken, reserved)
VALUES ($1, $2, $3, least($4, greatest(1, least($5, $4 / 8))), least($4, greatest(1, least($5, $4 / 8))))
ON CONFLICT (workspace_no, key_id) DO UPDATE SET (window_no, taken, reserved) = (
    SELECT greatest(w.window_no, excluded.window_no), t.before + r.more, r.more
    FROM (SELECT CASE WHEN excluded.window_no > w.window_no THEN 0 ELSE w.taken END AS before) t
    CROSS JOIN LATERAL (
        SELECT least(greatest($4 - t.before, 0), greatest(1, least($5, ($4 - t.before) / 8))) AS more
    ) r
)
RETURNING window_no, taken, reserved;

-- name: forget_windows
-- Let windows go that are over for long, so many at a time; who else does so takes others.
WITH old AS (
    SELECT w.workspace_no, w.key_id FROM request_windows w
    WHERE w.window_no < $1 LIMIT $2 FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM request_windows w USING old
    WHERE w.workspace_no = old.workspace_no AND w.key_id = old.key_id RETURNING 1
)
SELECT count(*) FROM gone;
