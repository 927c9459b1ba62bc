-- name: change_list
-- Note that a workspace's list changes. Claims hold this row: those under way are waited for, and those that come after
-- see the change.
UPDATE workspaces SET list_version = list_version + 1 WHERE workspace_no = $1;

-- name: hold_lists
-- The versions of these workspaces' lists, their contact rules, for how long their dials are remembered, whether they have
-- budgets, and whom they have asked before each dial. Nobody adds an entry before this claim is over; what was added
-- before is seen by the statements that follow.
SELECT workspace_no, list_version, contact_rules::text AS contact_rules, contact_span_sec, budgeted,
       pre_dial_check::text AS pre_dial_check
FROM workspaces
WHERE workspace_no = ANY ($1::integer[]) ORDER BY workspace_no FOR SHARE;

-- name: list_versions
-- The versions of these workspaces' lists, for whoever has claimed to see that something was added since.
SELECT workspace_no, list_version FROM workspaces WHERE workspace_no = ANY ($1::integer[]);

-- name: listed
-- Those of these numbers that are on their workspace's list at $3, each with the entry: one for the number itself, looked
-- up by its key, or one for its beginning, which is looked for only where the workspace has any ($4: the workspaces).
WITH numbers AS (
    SELECT * FROM unnest($1::integer[], $2::text[]) AS n (workspace_no, number)
),
with_prefixes AS MATERIALIZED (
    SELECT w.workspace_no FROM unnest($4::integer[]) AS w (workspace_no)
    CROSS JOIN LATERAL (
        SELECT 1 FROM do_not_call d
        WHERE d.workspace_no = w.workspace_no AND d.deleted_at IS NULL AND right(d.number, 1) = '*'
        LIMIT 1
    ) d
)
SELECT n.workspace_no, n.number, d.entry_id, d.source, d.created_at FROM numbers n
CROSS JOIN LATERAL (
    SELECT d.entry_id, d.source, d.created_at FROM do_not_call d
    WHERE d.workspace_no = n.workspace_no AND d.number = n.number AND d.deleted_at IS NULL
      AND (d.expires_at IS NULL OR d.expires_at > $3)
    OFFSET 0
) d
UNION ALL
SELECT n.workspace_no, n.number, d.entry_id, d.source, d.created_at FROM with_prefixes w
JOIN numbers n ON n.workspace_no = w.workspace_no
CROSS JOIN LATERAL (
    SELECT d.entry_id, d.source, d.created_at FROM generate_series(2, length(n.number)) AS digits
    CROSS JOIN LATERAL (
        SELECT d.entry_id, d.source, d.created_at FROM do_not_call d
        WHERE d.workspace_no = n.workspace_no AND d.number = left(n.number, digits) || '*' AND d.deleted_at IS NULL
          AND (d.expires_at IS NULL OR d.expires_at > $3)
        OFFSET 0
    ) d
    LIMIT 1
) d;

-- name: drop_expired
-- Entries for these numbers that are over make room for others; they are kept as such.
UPDATE do_not_call d SET deleted_at = d.expires_at
WHERE d.ctid = ANY (ARRAY(
    SELECT found.at FROM unnest($2::text[]) AS n (number)
    CROSS JOIN LATERAL (
        SELECT d.ctid AS at FROM do_not_call d
        WHERE d.workspace_no = $1 AND d.number = n.number AND d.deleted_at IS NULL AND d.expires_at <= $3
        OFFSET 0
    ) found));

-- name: add_entries
-- Put numbers on the list, in their order. One that is on it already stays as it is, for as long as either of both says.
INSERT INTO do_not_call AS d (workspace_no, entry_id, number, source, note, created_at, created_by, expires_at)
SELECT $1, e.entry_id, e.number, $6, e.note, $7, $8, e.expires_at
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[]) AS e (entry_id, number, note, expires_at)
ORDER BY e.number
ON CONFLICT (workspace_no, number) WHERE deleted_at IS NULL DO UPDATE SET
    expires_at = CASE WHEN excluded.expires_at IS NOT NULL THEN greatest(d.expires_at, excluded.expires_at) END
    WHERE d.expires_at IS NOT NULL
RETURNING d.entry_id;

-- name: cancel_listed
-- End the calls that wait for a dial to a number that is put on the list, in all campaigns that are not over and beside
-- them. A number is a span of one, a beginning is the span of all numbers that have it. What others hold at this moment
-- they end, or a claim finds it on the list.
WITH listed AS (
    SELECT * FROM unnest($2::text[], $3::text[]) AS l (least, most)
),
-- single calls are found by an index of their own
found AS (
    SELECT c.call_id, c.to_number FROM listed l
    CROSS JOIN (SELECT p.campaign_no FROM campaigns p WHERE p.workspace_no = $1 AND p.finished_at IS NULL) p
    CROSS JOIN LATERAL (
        SELECT c.call_id, c.to_number FROM calls c
        WHERE c.workspace_no = $1 AND c.campaign_no = p.campaign_no AND c.campaign_no > 0
          AND c.to_number BETWEEN l.least AND l.most AND c.final_status IS NULL
        OFFSET 0
    ) c
    UNION ALL
    SELECT c.call_id, c.to_number FROM listed l
    CROSS JOIN LATERAL (
        SELECT c.call_id, c.to_number FROM calls c
        WHERE c.workspace_no = $1 AND c.campaign_no = 0 AND c.to_number BETWEEN l.least AND l.most
          AND c.final_status IS NULL
        OFFSET 0
    ) c
),
waiting AS (
    SELECT q.ctid AS at FROM found f
    CROSS JOIN LATERAL (
        SELECT q.ctid FROM queue q WHERE q.workspace_no = $1 AND q.call_id = f.call_id FOR UPDATE SKIP LOCKED
    ) q
),
taken AS (
    DELETE FROM queue q WHERE q.ctid = ANY (ARRAY(SELECT at FROM waiting))
    RETURNING q.call_id, q.attempt
),
finished AS (
    UPDATE calls c SET final_status = 'cancelled', final_reason = 'opted_out', finished_at = $4
    FROM taken t
    WHERE c.workspace_no = $1 AND c.call_id = t.call_id AND c.final_status IS NULL
    RETURNING c.call_id, c.finished_at, t.attempt, c.to_number
),
told AS (
    INSERT INTO outbox (workspace_no, webhook_no, subject_id, event, happened_at, due_at)
    SELECT w.workspace_no, w.webhook_no, f.call_id, 'call.finished', f.finished_at, f.finished_at
    FROM finished f JOIN webhooks w ON w.workspace_no = $1
    WHERE w.off_at IS NULL AND 'call.finished' = ANY (w.events)
)
SELECT call_id, attempt, to_number FROM finished;

-- name: entry
-- One entry, whether it counts or was deleted.
SELECT * FROM do_not_call WHERE workspace_no = $1 AND entry_id = $2;

-- name: entries
-- The entries that count at $3, newest first; $2 narrows them to one number and its beginnings.
SELECT * FROM do_not_call d
WHERE d.workspace_no = $1 AND d.deleted_at IS NULL AND (d.expires_at IS NULL OR d.expires_at > $3)
  AND ($2::text[] IS NULL OR d.number = ANY ($2)) AND ($4::uuid IS NULL OR d.entry_id < $4)
ORDER BY d.entry_id DESC LIMIT $5 OFFSET $6;

-- name: count_entries
-- How many entries would find in all.
SELECT count(*) FROM do_not_call d
WHERE d.workspace_no = $1 AND d.deleted_at IS NULL AND (d.expires_at IS NULL OR d.expires_at > $3)
  AND ($2::text[] IS NULL OR d.number = ANY ($2));

-- name: delete_entry
-- Take an entry off the list. It is kept, with who did that and when.
UPDATE do_not_call SET deleted_at = $3, deleted_by = $4
WHERE workspace_no = $1 AND entry_id = $2 AND deleted_at IS NULL
RETURNING entry_id;
