-- name: lead_rules
-- What the leads of a campaign are planned by.
SELECT c.workspace_no, c.campaign_no, c.status, c.window_start_min, c.window_end_min,
       c.calling_window::text AS calling_window, c.starts_at, c.requires_consent, w.timezone, w.list_version
FROM campaigns c JOIN workspaces w ON w.workspace_no = c.workspace_no
WHERE c.workspace_no = $1 AND c.campaign_no = $2;

-- name: lock_leads
-- One import into a campaign at a time: two files with the same numbers in another order would lock each other out.
-- The lock goes with the transaction, and holds up nobody else.
SELECT pg_advisory_xact_lock($1, $2);

-- name: add_leads
-- Make a call and its first queue row of each lead whose number the campaign does not have yet. The others come back.
-- Dials are due a microsecond apart: all at the very same time, they would lie at one place of the queue's index.
WITH opening AS (
    SELECT * FROM unnest($9::integer[], $10::text[], $11::text[], $12::timestamptz[]) WITH ORDINALITY
        AS o (zone_set_no, region, zone_source, opens_at, whereabouts)
),
incoming AS (
    SELECT i.*, o.zone_set_no, o.region, o.zone_source,
           o.opens_at + ($13 + i.place - 1) * interval '1 microsecond' AS due_at
    FROM unnest($4::uuid[], $5::text[], $6::text[], $7::integer[], $8::text[], $14::integer[], $15::timestamptz[],
                $16::timestamptz[], $17::text[]) WITH ORDINALITY -- the last three are empty where no lead has them
        AS i (call_id, to_number, name, whereabouts, variables, row_no, consent_at, consent_expires_at, debt_id, place)
    JOIN opening o USING (whereabouts)
),
created AS (
    INSERT INTO calls (workspace_no, call_id, campaign_no, trunk_no, to_number, name, zone_set_no, variables, created_at,
                       region, zone_source, consent_at, consent_expires_at, debt_id)
    SELECT $1, call_id, $2, 0, to_number, name, zone_set_no, variables::jsonb, $3, region, zone_source, consent_at,
           consent_expires_at, debt_id
    FROM incoming
    ON CONFLICT (workspace_no, campaign_no, to_number) WHERE campaign_no > 0 DO NOTHING
    RETURNING call_id
),
queued AS (
    INSERT INTO queue (workspace_no, call_id, campaign_no, trunk_no, attempt, due_at)
    SELECT $1, i.call_id, $2, 0, 1, i.due_at FROM incoming i JOIN created USING (call_id)
)
SELECT i.row_no, i.to_number FROM incoming i LEFT JOIN created USING (call_id)
WHERE created.call_id IS NULL
ORDER BY i.row_no;

-- name: take_leads
-- The campaign has new leads: one that was complete runs again, one that is cancelled takes none.
WITH taken AS (
    UPDATE campaigns SET
        status = CASE WHEN status = 'completed' AND $3 THEN 'running' ELSE status END,
        finished_at = CASE WHEN status = 'completed' AND $3 THEN NULL ELSE finished_at END
    WHERE workspace_no = $1 AND campaign_no = $2 AND status <> 'cancelled'
    RETURNING campaign_id, status
),
told AS (
    INSERT INTO outbox (workspace_no, webhook_no, subject_id, event, happened_at, due_at)
    SELECT w.workspace_no, w.webhook_no, t.campaign_id, 'campaign.started', $4, $4
    FROM taken t JOIN webhooks w ON w.workspace_no = $1
    WHERE t.status = 'running' AND w.off_at IS NULL AND 'campaign.started' = ANY (w.events)
      AND EXISTS (SELECT FROM campaigns b WHERE b.workspace_no = $1 AND b.campaign_no = $2 AND b.status = 'completed')
)
SELECT status FROM taken;
