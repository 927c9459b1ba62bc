-- name: end_waiting
-- Calls are over that wait in a campaign whose end has passed, or that came back into the queue of one while it was being
-- cancelled ($3: since when that may be), a bounded number at a time.
WITH waiting AS (
    SELECT q.ctid AS at FROM campaigns c
    CROSS JOIN LATERAL (
        SELECT q.ctid FROM queue q
        WHERE q.workspace_no = c.workspace_no AND q.campaign_no = c.campaign_no
        LIMIT $2
        FOR UPDATE SKIP LOCKED
    ) q
    WHERE (c.status IN ('running', 'paused') AND c.ends_at <= $1) OR (c.status = 'cancelled' AND c.finished_at > $3)
    LIMIT $2
),
taken AS (
    DELETE FROM queue q WHERE q.ctid = ANY (ARRAY(SELECT at FROM waiting))
    RETURNING q.workspace_no, q.call_id, q.campaign_no, q.attempt
),
ended AS (
    SELECT t.workspace_no, t.call_id, t.attempt, c.ends_at,
           CASE c.status WHEN 'cancelled' THEN 'cancelled' ELSE 'expired' END AS how
    FROM taken t JOIN campaigns c ON c.workspace_no = t.workspace_no AND c.campaign_no = t.campaign_no
),
finished AS (
    UPDATE calls c SET final_status = e.how, final_reason = e.how, finished_at = $1
    FROM ended e
    WHERE c.workspace_no = e.workspace_no AND c.call_id = e.call_id AND c.final_status IS NULL
    RETURNING e.workspace_no, e.call_id, e.attempt, e.ends_at, e.how, c.finished_at
),
told AS (
    INSERT INTO outbox (workspace_no, webhook_no, subject_id, event, happened_at, due_at)
    SELECT w.workspace_no, w.webhook_no, f.call_id, 'call.finished', f.finished_at, f.finished_at
    FROM finished f JOIN webhooks w ON w.workspace_no = f.workspace_no
    WHERE w.off_at IS NULL AND 'call.finished' = ANY (w.events)
)
SELECT workspace_no, call_id, attempt, ends_at, how FROM finished;

-- name: to_hang_up
-- The campaigns that are cancelled, and whose ringing calls are to be hung up.
SELECT c.workspace_no, c.campaign_no FROM campaigns c
WHERE c.hang_up AND (c.workspace_no, c.campaign_no) IN (SELECT * FROM unnest($1::integer[], $2::integer[]));

-- name: lock_idle
-- Hold the running campaigns in which nothing waits, before they are looked at: a look that is older than the lock
-- would not see the leads of an import that is being committed. What others hold is for the next time.
SELECT c.workspace_no, c.campaign_no FROM campaigns c
WHERE c.status = 'running'
  AND NOT EXISTS (SELECT FROM queue q
                  WHERE q.workspace_no = c.workspace_no AND q.campaign_no = c.campaign_no)
ORDER BY c.workspace_no, c.campaign_no
FOR UPDATE SKIP LOCKED;

-- name: reopen
-- Campaigns of which dials wait in the lane of a trunk are not complete, whatever a node of the release before has written:
-- it sees no such lanes. Nobody was told that they were complete.
UPDATE campaigns c SET status = 'running', finished_at = NULL
WHERE c.status = 'completed' AND c.finished_at > $1 AND c.lane_trunks <> '{}'
  AND EXISTS (SELECT FROM queue q
              WHERE q.workspace_no = c.workspace_no AND q.campaign_no = c.campaign_no AND q.trunk_no <> 0);

-- name: complete_empty
-- Of these campaigns, one is complete when it had leads and none of them waits or is being dialled. One without any
-- leads waits for them, unless its end has passed. Of leads that retention has deleted the tallies are left.
WITH completed AS (
    UPDATE campaigns c SET status = 'completed', finished_at = $1
    FROM unnest($2::integer[], $3::integer[]) AS i (workspace_no, campaign_no)
    WHERE c.workspace_no = i.workspace_no AND c.campaign_no = i.campaign_no
      AND NOT EXISTS (SELECT FROM queue q
                      WHERE q.workspace_no = c.workspace_no AND q.campaign_no = c.campaign_no)
      AND NOT EXISTS (SELECT FROM attempts a
                      WHERE a.workspace_no = c.workspace_no AND a.campaign_no = c.campaign_no AND a.ended_at IS NULL)
      AND (c.ends_at <= $1
           OR EXISTS (SELECT FROM calls l WHERE l.workspace_no = c.workspace_no AND l.campaign_no = c.campaign_no)
           OR EXISTS (SELECT FROM tallies t WHERE t.workspace_no = c.workspace_no AND t.campaign_no = c.campaign_no))
    RETURNING c.workspace_no, c.campaign_id
),
told AS (
    INSERT INTO outbox (workspace_no, webhook_no, subject_id, event, happened_at, due_at)
    SELECT w.workspace_no, w.webhook_no, c.campaign_id, 'campaign.completed', $1, $1
    FROM completed c JOIN webhooks w ON w.workspace_no = c.workspace_no
    WHERE w.off_at IS NULL AND 'campaign.completed' = ANY (w.events)
)
SELECT campaign_id FROM completed;
