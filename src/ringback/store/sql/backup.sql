-- name: export_snapshot
-- What this transaction sees, by a name under which another one may see the same.
SELECT pg_export_snapshot();

-- name: row_counts
-- How many rows the tables have, for a restored database to be held to.
SELECT 'workspaces' AS name, count(*) AS rows FROM workspaces
UNION ALL SELECT 'api_keys', count(*) FROM api_keys
UNION ALL SELECT 'agents', count(*) FROM agents
UNION ALL SELECT 'agent_audio', count(*) FROM agent_audio
UNION ALL SELECT 'trunks', count(*) FROM trunks
UNION ALL SELECT 'caller_numbers', count(*) FROM caller_numbers
UNION ALL SELECT 'caller_pools', count(*) FROM caller_pools
UNION ALL SELECT 'caller_pool_numbers', count(*) FROM caller_pool_numbers
UNION ALL SELECT 'campaigns', count(*) FROM campaigns
UNION ALL SELECT 'retry_policies', count(*) FROM retry_policies
UNION ALL SELECT 'retry_policy_versions', count(*) FROM retry_policy_versions
UNION ALL SELECT 'campaign_policies', count(*) FROM campaign_policies
UNION ALL SELECT 'limits', count(*) FROM limits
UNION ALL SELECT 'budgets', count(*) FROM budgets
UNION ALL SELECT 'rate_decks', count(*) FROM rate_decks
UNION ALL SELECT 'rate_deck_versions', count(*) FROM rate_deck_versions
UNION ALL SELECT 'rates', count(*) FROM rates
UNION ALL SELECT 'calls', count(*) FROM calls
UNION ALL SELECT 'queue', count(*) FROM queue
UNION ALL SELECT 'attempts', count(*) FROM attempts
UNION ALL SELECT 'audit', count(*) FROM audit
UNION ALL SELECT 'agent_reports', count(*) FROM agent_reports
UNION ALL SELECT 'decisions', count(*) FROM decisions
UNION ALL SELECT 'tallies', count(*) FROM tallies
UNION ALL SELECT 'ledger_due', count(*) FROM ledger_due
UNION ALL SELECT 'ledger_ready', count(*) FROM ledger_ready
UNION ALL SELECT 'ledgers', count(*) FROM ledgers
UNION ALL SELECT 'ledger_blocks', count(*) FROM ledger_blocks
UNION ALL SELECT 'ledger_checkpoints', count(*) FROM ledger_checkpoints
UNION ALL SELECT 'contacts', count(*) FROM contacts
UNION ALL SELECT 'do_not_call', count(*) FROM do_not_call;

-- name: schema_of
-- The newest migration of this database.
SELECT max(version) FROM schema_migrations;

-- name: copied
-- How far the tables have been copied that are being copied at this moment, by pg_dump or by pg_restore.
SELECT c.relname AS name, p.tuples_processed AS rows
FROM pg_stat_progress_copy p JOIN pg_class c ON c.oid = p.relid
WHERE p.datname = current_database();

-- name: refresh_statistics
-- What the planner knows of the tables, after all of them were filled at once.
ANALYZE;

-- name: pause_running
-- No campaign of a restored database runs: what was dialled since the backup is not in it.
UPDATE campaigns SET status = 'paused' WHERE status = 'running' RETURNING name;

-- name: cancel_waiting_singles
-- A call without a campaign cannot be paused: those that wait are over.
WITH taken AS (
    DELETE FROM queue WHERE campaign_no = 0 RETURNING workspace_no, call_id
),
finished AS (
    UPDATE calls c SET final_status = 'cancelled', final_reason = 'cancelled', finished_at = $1
    FROM taken t
    WHERE c.workspace_no = t.workspace_no AND c.call_id = t.call_id AND c.final_status IS NULL
    RETURNING c.workspace_no, c.call_id, c.finished_at
),
told AS (
    INSERT INTO outbox (workspace_no, webhook_no, subject_id, event, happened_at, due_at)
    SELECT w.workspace_no, w.webhook_no, f.call_id, 'call.finished', f.finished_at, f.finished_at
    FROM finished f JOIN webhooks w ON w.workspace_no = f.workspace_no
    WHERE w.off_at IS NULL AND 'call.finished' = ANY (w.events)
)
SELECT call_id FROM finished;

-- name: live_singles
-- The live attempts of calls without a campaign, to be ended.
SELECT a.workspace_no, a.call_id, a.attempt, a.attempt_id, t.billing::text AS billing
FROM attempts a JOIN trunks t ON t.workspace_no = a.workspace_no AND t.trunk_no = a.trunk_no
WHERE a.ended_at IS NULL AND a.campaign_no = 0;

-- name: live_in_campaigns
-- How many attempts of campaigns had no end yet.
SELECT count(*) FROM attempts WHERE ended_at IS NULL AND campaign_no > 0;
