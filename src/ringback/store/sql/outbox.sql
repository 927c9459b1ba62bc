-- name: adopt
-- Take the webhooks that no living node sends for; what another one looks at is left to that.
UPDATE webhooks w SET node_no = $1
WHERE (w.workspace_no, w.webhook_no) IN (
    SELECT o.workspace_no, o.webhook_no FROM webhooks o
    WHERE o.off_at IS NULL AND o.node_no IS DISTINCT FROM $1
      AND (SELECT count(*) FROM nodes n WHERE n.node_no = o.node_no AND n.ended_at IS NULL AND n.lease_until > $2) = 0
    FOR UPDATE SKIP LOCKED
);

-- name: owned
-- The webhooks that a node sends for.
SELECT w.workspace_no, w.webhook_no, w.webhook_id, o.workspace_id, w.url, w.secret::text AS secret,
       CASE WHEN w.before_until > $2 THEN w.secret_before::text END AS secret_before, w.failing_since
FROM webhooks w JOIN workspaces o ON o.workspace_no = w.workspace_no
WHERE w.node_no = $1 AND w.off_at IS NULL;

-- name: due
-- What is due for each of these webhooks, the longest first and at most so much of each, without what the node has in
-- hand ($5); and the number of the first event of the same subject that was not taken yet, with when that one is due: found
-- by the key, for which the condition on dead_at is written so that the index of what is due is no use.
SELECT d.workspace_no, d.webhook_no, d.subject_id, d.event_no, d.event_id, d.event, d.attempt, d.happened_at, d.tries,
       d.first_tried_at, f.event_no AS first_no, f.due_at AS first_due_at
FROM unnest($1::integer[], $2::integer[], $3::integer[]) AS w (workspace_no, webhook_no, most)
CROSS JOIN LATERAL (
    SELECT o.* FROM outbox o
    WHERE o.workspace_no = w.workspace_no AND o.webhook_no = w.webhook_no AND o.dead_at IS NULL AND o.due_at <= $4
      AND o.event_no <> ALL ($5::bigint[])
    ORDER BY o.due_at
    LIMIT w.most
) d
CROSS JOIN LATERAL (
    SELECT o.event_no, o.due_at FROM outbox o
    WHERE o.workspace_no = d.workspace_no AND o.webhook_no = d.webhook_no AND o.subject_id = d.subject_id
      AND coalesce(o.dead_at, 'infinity') = 'infinity'
    ORDER BY o.event_no
    LIMIT 1
) f
ORDER BY d.workspace_no, d.webhook_no, d.due_at, d.event_no;

-- name: contents
-- What is told of these subjects and attempts. What is no longer kept of them is null.
SELECT s.workspace_no, s.subject_id, s.attempt, c.to_number, c.from_number AS call_from_number, c.agent_id,
       c.final_status, c.final_reason, c.finished_at, c.attempts, coalesce(c.campaign_id, p.campaign_id) AS campaign_id,
       p.name AS campaign_name, p.started_at, p.finished_at AS campaign_finished_at,
       coalesce(a.trunk_id, t.trunk_id) AS trunk_id, coalesce(a.trunk_name, t.name) AS trunk_name,
       a.attempt_id, a.from_number, a.called_at, a.answered_at, a.ended_at, a.status, a.end_reason, a.duration_sec,
       a.ring_sec, a.answered_by, a.sip_code, a.billed_sec, a.cost_micros, a.currency, a.retry_at, a.retry_rule,
       a.stop_reason
FROM unnest($1::integer[], $2::uuid[], $3::smallint[]) AS s (workspace_no, subject_id, attempt)
LEFT JOIN LATERAL (
    SELECT c.*, (
        SELECT count(*) FROM attempts n WHERE n.workspace_no = c.workspace_no AND n.call_id = c.call_id) AS attempts, (
        SELECT k.campaign_id FROM campaigns k
        WHERE k.workspace_no = c.workspace_no AND k.campaign_no = c.campaign_no) AS campaign_id
    FROM calls c WHERE c.workspace_no = s.workspace_no AND c.call_id = s.subject_id
    OFFSET 0
) c ON true
LEFT JOIN LATERAL (
    SELECT a.*, t.trunk_id, t.name AS trunk_name FROM attempts a
    JOIN trunks t ON t.workspace_no = a.workspace_no AND t.trunk_no = a.trunk_no
    WHERE a.workspace_no = s.workspace_no AND a.call_id = s.subject_id AND a.attempt = s.attempt
    OFFSET 0
) a ON true
LEFT JOIN LATERAL (
    SELECT * FROM campaigns p WHERE p.workspace_no = s.workspace_no AND p.campaign_id = s.subject_id OFFSET 0
) p ON true
LEFT JOIN LATERAL (
    SELECT * FROM trunks t WHERE t.workspace_no = s.workspace_no AND t.trunk_id = s.subject_id OFFSET 0
) t ON true;

-- name: push_back
-- Events that wait for others of their subject are due no sooner than those: who looks for what is due need not walk over
-- them.
UPDATE outbox o SET due_at = b.due_at
FROM unnest($1::integer[], $2::integer[], $3::uuid[], $4::bigint[], $5::timestamptz[])
    AS b (workspace_no, webhook_no, subject_id, event_no, due_at)
WHERE o.workspace_no = b.workspace_no AND o.webhook_no = b.webhook_no AND o.subject_id = b.subject_id
  AND o.event_no = b.event_no;

-- name: take_out
-- What was taken need not be told again.
DELETE FROM outbox o
USING unnest($1::integer[], $2::integer[], $3::uuid[], $4::bigint[])
    AS t (workspace_no, webhook_no, subject_id, event_no)
WHERE o.workspace_no = t.workspace_no AND o.webhook_no = t.webhook_no AND o.subject_id = t.subject_id
  AND o.event_no = t.event_no;

-- name: put_off
-- What was not taken is tried again, or not any more.
UPDATE outbox o SET tries = f.tries, first_tried_at = f.first_tried_at, due_at = f.due_at, last_failure = f.why,
    dead_at = f.dead_at
FROM unnest($1::integer[], $2::integer[], $3::uuid[], $4::bigint[], $5::smallint[], $6::timestamptz[],
            $7::timestamptz[], $8::text[], $9::timestamptz[])
    AS f (workspace_no, webhook_no, subject_id, event_no, tries, first_tried_at, due_at, why, dead_at)
WHERE o.workspace_no = f.workspace_no AND o.webhook_no = f.webhook_no AND o.subject_id = f.subject_id
  AND o.event_no = f.event_no;

-- name: note
-- Since when a receiver takes nothing, and how it failed last; both null once it takes something.
UPDATE webhooks w SET failing_since = n.failing_since, last_failure = n.why
FROM unnest($1::integer[], $2::integer[], $3::timestamptz[], $4::text[])
    AS n (workspace_no, webhook_no, failing_since, why)
WHERE w.workspace_no = n.workspace_no AND w.webhook_no = n.webhook_no;

-- name: switch_off
-- Receivers are told nothing more. What waits for them is kept.
UPDATE webhooks w SET off_at = $5, off_reason = n.reason, last_failure = n.why, node_no = NULL
FROM unnest($1::integer[], $2::integer[], $3::text[], $4::text[]) AS n (workspace_no, webhook_no, reason, why)
WHERE w.workspace_no = n.workspace_no AND w.webhook_no = n.webhook_no AND w.off_at IS NULL
RETURNING w.workspace_no, w.webhook_no, w.webhook_id;

-- name: hasten
-- What waits for receivers that take something again is due now.
UPDATE outbox o SET due_at = $3
FROM unnest($1::integer[], $2::integer[]) AS w (workspace_no, webhook_no)
WHERE o.workspace_no = w.workspace_no AND o.webhook_no = w.webhook_no AND o.dead_at IS NULL AND o.due_at > $3;

-- name: trunk_down
-- Tell that a trunk takes no dials, unless another node has said so.
WITH turned AS (
    UPDATE trunks t SET down_node_no = $3
    WHERE t.workspace_no = $1 AND t.trunk_no = $2 AND t.down_node_no IS NULL
    RETURNING t.trunk_id
)
INSERT INTO outbox (workspace_no, webhook_no, subject_id, event, happened_at, due_at)
SELECT w.workspace_no, w.webhook_no, t.trunk_id, 'trunk.down', $4, $4
FROM turned t JOIN webhooks w ON w.workspace_no = $1
WHERE w.off_at IS NULL AND 'trunk.down' = ANY (w.events);

-- name: trunk_up
-- Tell that a trunk takes dials again, once the node that said it does not says so, or has ended.
WITH turned AS (
    UPDATE trunks t SET down_node_no = NULL
    WHERE t.workspace_no = $1 AND t.trunk_no = $2 AND t.down_node_no IS NOT NULL
      AND (t.down_node_no = $3 OR NOT EXISTS (
          SELECT FROM nodes n WHERE n.node_no = t.down_node_no AND n.ended_at IS NULL AND n.lease_until > $4))
    RETURNING t.trunk_id
)
INSERT INTO outbox (workspace_no, webhook_no, subject_id, event, happened_at, due_at)
SELECT w.workspace_no, w.webhook_no, t.trunk_id, 'trunk.up', $4, $4
FROM turned t JOIN webhooks w ON w.workspace_no = $1
WHERE w.off_at IS NULL AND 'trunk.up' = ANY (w.events);

-- name: said_down
-- The trunks of which a node that has ended said that they take no dials. Counted, for each node is then found by its key.
SELECT t.workspace_no, t.trunk_no FROM trunks t
WHERE t.down_node_no IS NOT NULL AND (
    SELECT count(*) FROM nodes n WHERE n.node_no = t.down_node_no AND n.ended_at IS NULL AND n.lease_until > $1) = 0;

-- name: say_down
-- This node says it in the place of one that has ended; nobody is told again.
UPDATE trunks t SET down_node_no = $3 WHERE t.workspace_no = $1 AND t.trunk_no = $2 AND t.down_node_no IS NOT NULL;

-- name: drop_old
-- Dead letters are not kept for ever, nor is what waits for webhooks that are no more; a bounded number at a time.
DELETE FROM outbox o WHERE o.ctid = ANY (ARRAY(
    SELECT o.ctid FROM outbox o
    WHERE o.dead_at <= $1 OR NOT EXISTS (
        SELECT FROM webhooks w WHERE w.workspace_no = o.workspace_no AND w.webhook_no = o.webhook_no)
    LIMIT $2));
