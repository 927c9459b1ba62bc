-- name: read_check
-- Whom a workspace has asked before each dial, null for nobody.
SELECT pre_dial_check::text FROM workspaces WHERE workspace_no = $1;

-- name: hold_check
-- The same, for whoever changes it: of two at a time one comes first.
SELECT pre_dial_check::text FROM workspaces WHERE workspace_no = $1 FOR NO KEY UPDATE;

-- name: set_check
-- Whom to ask before each dial, null for nobody. Claims hold the row: those under way are waited for, and those that come
-- see it.
UPDATE workspaces SET pre_dial_check = $2::text::jsonb WHERE workspace_no = $1;

-- name: questions
-- What is told of each dial when its workspace is asked. Each row is found by its key.
SELECT w.workspace_no, w.call_id, o.workspace_id, p.campaign_id, c.name, c.variables::text AS variables,
       c.consent_at, c.consent_expires_at
FROM unnest($1::integer[], $2::uuid[]) AS w (workspace_no, call_id)
CROSS JOIN LATERAL (SELECT * FROM workspaces o WHERE o.workspace_no = w.workspace_no OFFSET 0) o
CROSS JOIN LATERAL (
    SELECT * FROM calls c WHERE c.workspace_no = w.workspace_no AND c.call_id = w.call_id OFFSET 0
) c
LEFT JOIN LATERAL (
    SELECT * FROM campaigns p WHERE p.workspace_no = w.workspace_no AND p.campaign_no = c.campaign_no OFFSET 0
) p ON true;

-- name: admit
-- Their workspaces allow these dials: from here on they are intents like any other, made at this instant. Node and
-- campaigns are held as by a claim. An intent is passed over that somebody has taken back, whose node has ended, whose
-- campaign has stopped since, or at whose number somebody has talked meanwhile: its dial is due anew.
WITH me AS MATERIALIZED (
    SELECT node_no FROM nodes WHERE node_no = $8 AND ended_at IS NULL AND lease_until > $9 FOR KEY SHARE
),
allowed AS (
    SELECT * FROM unnest($1::integer[], $2::uuid[], $3::smallint[], $4::uuid[], $5::integer[], $6::text[], $7::text[])
        AS d (workspace_no, call_id, attempt, attempt_id, campaign_no, to_number, debt)
),
held AS MATERIALIZED (
    SELECT c.workspace_no, c.campaign_no, c.status, c.ends_at FROM campaigns c
    WHERE (c.workspace_no, c.campaign_no) IN (SELECT workspace_no, campaign_no FROM allowed)
    ORDER BY c.workspace_no, c.campaign_no
    FOR SHARE
),
open AS MATERIALIZED (
    SELECT d.* FROM me CROSS JOIN allowed d
    LEFT JOIN held h ON h.workspace_no = d.workspace_no AND h.campaign_no = d.campaign_no
    WHERE d.campaign_no = 0 OR (h.status = 'running' AND (h.ends_at IS NULL OR h.ends_at > $9))
    ORDER BY d.workspace_no, d.call_id, d.attempt
),
before AS MATERIALIZED (
    SELECT o.*, a.intent_at FROM open o
    CROSS JOIN LATERAL (
        SELECT a.intent_at FROM attempts a
        WHERE a.workspace_no = o.workspace_no AND a.call_id = o.call_id AND a.attempt = o.attempt
          AND a.attempt_id = o.attempt_id AND a.end_reason IS NULL AND a.unchecked
        FOR UPDATE
    ) a
    LEFT JOIN LATERAL (
        SELECT max(c.talked_at) AS talked_at FROM contacts c
        WHERE c.workspace_no = o.workspace_no AND c.to_number IN (o.to_number, o.debt)
    ) c ON true
    WHERE c.talked_at IS NULL OR c.talked_at <= a.intent_at
)
UPDATE attempts a SET unchecked = false, intent_at = $9
FROM before b
WHERE a.workspace_no = b.workspace_no AND a.call_id = b.call_id AND a.attempt = b.attempt
  AND a.attempt_id = b.attempt_id AND a.end_reason IS NULL
RETURNING a.workspace_no, a.call_id, a.attempt, b.to_number, b.debt, b.intent_at;

-- name: recount
-- Dials are counted as of the instant at which they were allowed, in key order; tells which are.
WITH given AS (
    SELECT * FROM unnest($1::integer[], $2::text[], $3::timestamptz[]) AS g (workspace_no, to_number, at) ORDER BY 1, 2
),
held AS MATERIALIZED (
    SELECT g.* FROM given g
    CROSS JOIN LATERAL (
        SELECT 1 FROM contacts c
        WHERE c.workspace_no = g.workspace_no AND c.to_number = g.to_number FOR UPDATE
    ) c
)
UPDATE contacts c SET dials = array_replace(c.dials, h.at, $4)
FROM held h
WHERE c.workspace_no = h.workspace_no AND c.to_number = h.to_number
RETURNING c.workspace_no, c.to_number;
