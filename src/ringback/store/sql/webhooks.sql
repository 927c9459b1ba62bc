-- name: create_webhook
-- Have a workspace told of events from now on, unless it has as many webhooks as it may have.
INSERT INTO webhooks (workspace_no, webhook_id, url, name, events, secret, created_at)
SELECT $1, $2, $3, $4, $5, $6::text::jsonb, $7
WHERE (SELECT count(*) FROM webhooks w WHERE w.workspace_no = $1) < $8
RETURNING webhook_no;

-- name: hold_workspace
-- One at a time makes a webhook in a workspace, without being in the way of claims, which share its row.
SELECT pg_advisory_xact_lock(hashtextextended('webhooks', $1));

-- name: webhook
-- One webhook.
SELECT w.webhook_no, w.webhook_id, w.url, w.name, w.events, w.secret::text AS secret, w.before_until, w.created_at,
       w.off_at, w.off_reason, w.failing_since, w.last_failure
FROM webhooks w WHERE w.workspace_no = $1 AND w.webhook_id = $2;

-- name: hold_webhook
-- The same, and nobody else changes it before the transaction ends.
SELECT w.webhook_no, w.webhook_id, w.url, w.name, w.events, w.secret::text AS secret, w.before_until, w.created_at,
       w.off_at, w.off_reason, w.failing_since, w.last_failure
FROM webhooks w WHERE w.workspace_no = $1 AND w.webhook_id = $2 FOR UPDATE;

-- name: webhooks
-- The webhooks of a workspace, newest first.
SELECT w.webhook_no, w.webhook_id, w.url, w.name, w.events, w.secret::text AS secret, w.before_until, w.created_at,
       w.off_at, w.off_reason, w.failing_since, w.last_failure
FROM webhooks w WHERE w.workspace_no = $1 AND ($2::uuid IS NULL OR w.webhook_id < $2)
ORDER BY w.webhook_id DESC LIMIT $3 OFFSET $4;

-- name: count_webhooks
-- How many webhooks a workspace has.
SELECT count(*) FROM webhooks WHERE workspace_no = $1;

-- name: change_webhook
-- What its owner may change. One that is switched on begins anew: what failed before is forgotten.
UPDATE webhooks SET url = $3, name = $4, events = $5,
    off_at = CASE WHEN $6 THEN NULL ELSE coalesce(off_at, $7) END,
    off_reason = CASE WHEN $6 THEN NULL ELSE coalesce(off_reason, 'owner') END,
    failing_since = CASE WHEN $6 AND off_at IS NOT NULL THEN NULL ELSE failing_since END,
    last_failure = CASE WHEN $6 AND off_at IS NOT NULL THEN NULL ELSE last_failure END,
    node_no = CASE WHEN $6 THEN node_no END
WHERE workspace_no = $1 AND webhook_no = $2;

-- name: rotate_secret
-- Sign by another secret, and for a while by the one before too.
UPDATE webhooks SET secret_before = secret, before_until = $4, secret = $3::text::jsonb
WHERE workspace_no = $1 AND webhook_no = $2;

-- name: delete_webhook
-- Tell it nothing more. What waits for it goes too.
WITH gone AS (
    DELETE FROM webhooks WHERE workspace_no = $1 AND webhook_id = $2 RETURNING webhook_no
),
dropped AS (
    DELETE FROM outbox o USING gone g WHERE o.workspace_no = $1 AND o.webhook_no = g.webhook_no
)
SELECT webhook_no FROM gone;

-- name: ping
-- Have a webhook told of nothing but that it is reached.
INSERT INTO outbox (workspace_no, webhook_no, subject_id, event, happened_at, due_at)
SELECT $1, w.webhook_no, w.webhook_id, 'ping', $3, $3 FROM webhooks w WHERE w.workspace_no = $1 AND w.webhook_id = $2
RETURNING event_id;

-- name: waiting
-- What waits for a webhook, the longest due first, from a place on.
SELECT o.event_id, o.event, o.subject_id, o.attempt, o.happened_at, o.due_at, o.tries, o.last_failure, o.dead_at,
       o.event_no
FROM outbox o
WHERE o.workspace_no = $1 AND o.webhook_no = $2 AND o.dead_at IS NULL
  AND (o.due_at, o.event_no) > ($3, $4)
ORDER BY o.due_at, o.event_no LIMIT $5;

-- name: dead
-- The dead letters of a webhook, oldest first, from an event on.
SELECT o.event_id, o.event, o.subject_id, o.attempt, o.happened_at, o.due_at, o.tries, o.last_failure, o.dead_at,
       o.event_no
FROM outbox o
WHERE o.workspace_no = $1 AND o.webhook_no = $2 AND o.dead_at IS NOT NULL
  AND ($3::uuid IS NULL OR o.event_id > $3)
ORDER BY o.event_id LIMIT $4;

-- name: revive
-- Dead letters, or those of them that are named, are sent again, with the ids that they had.
UPDATE outbox o SET dead_at = NULL, tries = 0, first_tried_at = NULL, due_at = $3
WHERE o.ctid = ANY (ARRAY(
    SELECT d.ctid FROM outbox d
    WHERE d.workspace_no = $1 AND d.webhook_no = $2 AND d.dead_at IS NOT NULL
      AND ($4::uuid[] IS NULL OR d.event_id = ANY ($4))
    ORDER BY d.event_id LIMIT $5
    FOR UPDATE SKIP LOCKED));
