-- name: rules
-- The workspaces that keep calls for a time only.
SELECT workspace_no, retain_days AS days, retain AS mode FROM workspaces
WHERE retain_days IS NOT NULL ORDER BY workspace_no;

-- name: is_eldest
-- Whether no node that lives began before this one.
SELECT NOT EXISTS (
    SELECT FROM nodes WHERE explained_at IS NULL AND ended_at IS NULL AND lease_until > $2 AND node_no < $1);

-- name: delete_old
-- Of so many calls in the order of their making, delete those that were over by $5, with their attempts. What others
-- hold at the moment is left. Rows are named by where they are, so that each is found without a look at any other.
WITH looked AS MATERIALIZED (
    SELECT c.call_id, c.ctid AS at, c.finished_at FROM calls c
    WHERE c.workspace_no = $1 AND c.call_id > $2 AND c.call_id < $3
    ORDER BY c.call_id LIMIT $4
),
old AS MATERIALIZED (
    SELECT c.call_id, c.ctid AS at FROM calls c
    WHERE c.ctid = ANY (ARRAY(SELECT at FROM looked WHERE finished_at < $5))
    FOR UPDATE SKIP LOCKED
),
dropped AS (
    DELETE FROM attempts a WHERE a.ctid = ANY (ARRAY(
        SELECT found.at FROM old o
        CROSS JOIN LATERAL (
            SELECT a.ctid AS at FROM attempts a WHERE a.workspace_no = $1 AND a.call_id = o.call_id OFFSET 0
        ) found))
),
deleted AS (
    DELETE FROM calls c WHERE c.ctid = ANY (ARRAY(SELECT at FROM old)) RETURNING c.call_id
)
SELECT ARRAY(SELECT call_id FROM looked ORDER BY call_id) AS looked, ARRAY(SELECT call_id FROM deleted) AS moved,
       ARRAY[]::uuid[] AS done;

-- name: anonymise_old
-- The same, but of those calls only what tells who it was goes: how they went, when and at what cost, stays. A number
-- is a lead of a campaign once, so the place of each is taken by a word that no other call has. Of an attempt's details
-- only those stay that are known to tell nothing of the person: not the keys that were pressed, nor an agent's notes. The
-- ledger stays as it is: without the salt nobody can tell which number its entries are about.
WITH looked AS MATERIALIZED (
    SELECT c.call_id, c.ctid AS at, c.finished_at, left(c.to_number, 9) = 'redacted:' AS is_done FROM calls c
    WHERE c.workspace_no = $1 AND c.call_id > $2 AND c.call_id < $3
    ORDER BY c.call_id LIMIT $4
),
old AS MATERIALIZED (
    SELECT c.call_id, c.ctid AS at FROM calls c
    WHERE c.ctid = ANY (ARRAY(SELECT at FROM looked WHERE finished_at < $5 AND NOT is_done))
    FOR UPDATE SKIP LOCKED
),
bared AS (
    UPDATE attempts a SET from_number = NULL, ledger_salt = NULL, details = (
        SELECT jsonb_object_agg(d.key, d.value) FROM jsonb_each(a.details) d
        WHERE d.key IN ('q850', 'early_media', 'hung_up_by', 'opted_out'))
    WHERE (a.from_number IS NOT NULL OR a.details IS NOT NULL OR a.ledger_salt IS NOT NULL) AND a.ctid = ANY (ARRAY(
        SELECT found.at FROM old o
        CROSS JOIN LATERAL (
            SELECT a.ctid AS at FROM attempts a WHERE a.workspace_no = $1 AND a.call_id = o.call_id OFFSET 0
        ) found))
),
redacted AS (
    UPDATE calls c SET to_number = 'redacted:' || c.call_id, from_number = NULL, name = NULL, variables = NULL,
        region = NULL, debt_id = NULL
    WHERE c.ctid = ANY (ARRAY(SELECT at FROM old))
    RETURNING c.call_id
)
SELECT ARRAY(SELECT call_id FROM looked ORDER BY call_id) AS looked, ARRAY(SELECT call_id FROM redacted) AS moved,
       ARRAY(SELECT call_id FROM looked WHERE is_done) AS done;

-- name: drop_reports
-- What agents told of calls that were deleted or anonymised. A statement of its own, for it must see what was told up to
-- the moment at which the calls were locked.
DELETE FROM agent_reports r WHERE r.workspace_no = $1 AND r.call_id = ANY ($2::uuid[]);

-- name: drop_decisions
-- What was decided about calls that were deleted.
DELETE FROM decisions d WHERE d.workspace_no = $1 AND d.call_id = ANY ($2::uuid[]);

-- name: bare_decisions
-- Of what was decided about calls that were anonymised, what names an entry of a list goes: that one has the number. So do
-- the words of a veto.
UPDATE decisions d SET inputs = d.inputs - ARRAY['do_not_call_id', 'reason']
WHERE d.workspace_no = $1 AND d.call_id = ANY ($2::uuid[]) AND d.inputs ?| ARRAY['do_not_call_id', 'reason'];
