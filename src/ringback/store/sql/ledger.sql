-- name: only_writer
-- Whether this transaction alone writes into the ledgers until it ends: an entry names the one before it.
SELECT pg_try_advisory_xact_lock(8244241983189640044);

-- name: take
-- Take what is to be entered, attempts and decisions, at most so much, as the bodies of entries in canonical form: the
-- names in the order of RFC 8785, times to the millisecond, numbers as commitments. By workspace, a line each. See
-- domain/ledger.py and docs/ledger.md.
WITH taken AS (
    DELETE FROM ledger_due d WHERE d.ctid = ANY (ARRAY(SELECT ctid FROM ledger_due LIMIT $1))
    RETURNING d.workspace_no, d.call_id, d.attempt, d.decision_id
),
found AS MATERIALIZED (
    SELECT a.*, c.to_number FROM taken t
    CROSS JOIN LATERAL (
        SELECT a.workspace_no, a.call_id, a.attempt, a.attempt_id, a.campaign_no, a.trunk_no, a.policy_version,
            a.from_number, a.status, a.intent_at, a.called_at, a.answered_at, a.ended_at, a.end_reason, a.answered_by,
            a.sip_code, a.duration_sec, a.ring_sec, a.billed_sec, a.cost_micros, a.currency, a.retry_at, a.retry_rule,
            a.stop_reason, uuid_send(a.ledger_salt) AS salt
        FROM attempts a
        WHERE a.workspace_no = t.workspace_no AND a.call_id = t.call_id AND a.attempt = t.attempt
        OFFSET 0
    ) a
    CROSS JOIN LATERAL (
        SELECT c.to_number FROM calls c WHERE c.workspace_no = t.workspace_no AND c.call_id = t.call_id OFFSET 0
    ) c
    WHERE t.decision_id IS NULL
),
withheld AS MATERIALIZED (
    SELECT d.*, c.campaign_no FROM taken t
    CROSS JOIN LATERAL (
        SELECT * FROM decisions d
        WHERE d.workspace_no = t.workspace_no AND d.call_id = t.call_id AND d.decision_id = t.decision_id OFFSET 0
    ) d
    CROSS JOIN LATERAL (
        SELECT c.campaign_no FROM calls c WHERE c.workspace_no = t.workspace_no AND c.call_id = t.call_id OFFSET 0
    ) c
    WHERE t.decision_id IS NOT NULL
),
-- few, and looked up once each: whatever the planner thinks of the tables, nothing above is done again for each of them
trunk_ids AS MATERIALIZED (
    SELECT k.workspace_no, k.trunk_no, '"' || t.trunk_id || '"' AS trunk_id
    FROM (SELECT DISTINCT workspace_no, trunk_no FROM found) k
    CROSS JOIN LATERAL (
        SELECT t.trunk_id FROM trunks t WHERE t.workspace_no = k.workspace_no AND t.trunk_no = k.trunk_no OFFSET 0
    ) t
),
campaign_ids AS MATERIALIZED (
    SELECT k.workspace_no, k.campaign_no, coalesce('"' || p.campaign_id || '"', 'null') AS campaign_id
    FROM (SELECT workspace_no, campaign_no FROM found UNION SELECT workspace_no, campaign_no FROM withheld) k
    LEFT JOIN LATERAL (
        SELECT p.campaign_id FROM campaigns p
        WHERE p.workspace_no = k.workspace_no AND p.campaign_no = k.campaign_no OFFSET 0
    ) p ON true
),
entered AS (
    SELECT f.workspace_no, f.ended_at AS at, f.call_id, f.attempt, concat(
        '{"answered_at":', coalesce(to_char(f.answered_at AT TIME ZONE 'UTC', '\"YYYY-MM-DD"T"HH24:MI:SS.MS"Z"\"'), 'null'),
        ',"answered_by":', coalesce('"' || f.answered_by || '"', 'null'),
        ',"attempt":', f.attempt,
        ',"attempt_id":"', f.attempt_id,
        '","billed_sec":', f.billed_sec,
        ',"call_id":"', f.call_id,
        '","called_at":', coalesce(to_char(f.called_at AT TIME ZONE 'UTC', '\"YYYY-MM-DD"T"HH24:MI:SS.MS"Z"\"'), 'null'),
        ',"campaign_id":', p.campaign_id,
        ',"cost_micros":', f.cost_micros,
        ',"currency":', coalesce(to_json(f.currency)::text, 'null'),
        ',"duration_sec":', f.duration_sec,
        ',"end_reason":"', f.end_reason,
        '","ended_at":', to_char(f.ended_at AT TIME ZONE 'UTC', '\"YYYY-MM-DD"T"HH24:MI:SS.MS"Z"\"'),
        ',"from":', coalesce('"' || encode(sha256(f.salt || convert_to(f.from_number, 'UTF8')), 'hex') || '"', 'null'),
        ',"intent_at":', to_char(f.intent_at AT TIME ZONE 'UTC', '\"YYYY-MM-DD"T"HH24:MI:SS.MS"Z"\"'),
        ',"kind":"attempt","policy_version":', f.policy_version,
        ',"retry_at":', coalesce(to_char(f.retry_at AT TIME ZONE 'UTC', '\"YYYY-MM-DD"T"HH24:MI:SS.MS"Z"\"'), 'null'),
        ',"retry_rule":', coalesce(to_json(f.retry_rule)::text, 'null'),
        ',"ring_sec":', f.ring_sec,
        ',"sip_code":', coalesce(f.sip_code::text, 'null'),
        ',"status":"', f.status,
        '","stop_reason":', coalesce('"' || f.stop_reason || '"', 'null'),
        ',"to":', coalesce('"' || encode(sha256(f.salt || convert_to(f.to_number, 'UTF8')), 'hex') || '"', 'null'),
        ',"trunk_id":', t.trunk_id, '}') AS body
    FROM found f
    JOIN trunk_ids t ON t.workspace_no = f.workspace_no AND t.trunk_no = f.trunk_no
    JOIN campaign_ids p ON p.workspace_no = f.workspace_no AND p.campaign_no = f.campaign_no
    UNION ALL
    SELECT d.workspace_no, d.first_at, d.call_id, d.attempt, concat(
        '{"attempt":', d.attempt,
        ',"call_id":"', d.call_id,
        '","campaign_id":', p.campaign_id,
        ',"decision_id":"', d.decision_id,
        '","first_at":', to_char(d.first_at AT TIME ZONE 'UTC', '\"YYYY-MM-DD"T"HH24:MI:SS.MS"Z"\"'),
        -- the words of a veto may tell of a person, and nothing can be taken out of a ledger
        ',"inputs":', to_json((CASE d.rule WHEN 'pre_dial_check' THEN d.inputs - 'reason' ELSE d.inputs END)::text)::text,
        ',"kind":"decision","next_at":', coalesce(to_char(d.next_at AT TIME ZONE 'UTC', '\"YYYY-MM-DD"T"HH24:MI:SS.MS"Z"\"'), 'null'),
        ',"pack":', coalesce(to_json(d.pack)::text, 'null'),
        ',"pack_version":', coalesce(to_json(d.pack_version)::text, 'null'),
        ',"rule":', to_json(d.rule)::text, '}')
    FROM withheld d
    JOIN campaign_ids p ON p.workspace_no = d.workspace_no AND p.campaign_no = d.campaign_no
),
bodies AS MATERIALIZED (
    SELECT workspace_no, count(*)::integer AS entries, string_agg(body, E'\n' ORDER BY at, call_id, attempt) AS bodies
    FROM entered GROUP BY workspace_no
)
SELECT b.workspace_no, w.workspace_id, b.entries, convert_to(b.bodies, 'UTF8') AS bodies FROM bodies b
CROSS JOIN LATERAL (
    SELECT w.workspace_id FROM workspaces w WHERE w.workspace_no = b.workspace_no OFFSET 0
) w
ORDER BY b.workspace_no;

-- name: take_ready
-- Take the bodies that wait to be entered, in the order in which they came, until they are so many; one more lot, rather
-- than none.
WITH taken AS (
    DELETE FROM ledger_ready r WHERE r.ctid = ANY (ARRAY(
        SELECT n.ctid FROM (
            SELECT l.ctid, sum(l.entries) OVER (ORDER BY l.ctid ROWS UNBOUNDED PRECEDING) - l.entries AS before
            FROM (SELECT ctid, entries FROM ledger_ready LIMIT $1) l
        ) n WHERE n.before < $1))
    RETURNING r.ctid AS place, r.workspace_no, r.entries, r.bodies
)
SELECT t.workspace_no, w.workspace_id, t.entries, t.bodies FROM taken t
CROSS JOIN LATERAL (
    SELECT w.workspace_id FROM workspaces w WHERE w.workspace_no = t.workspace_no OFFSET 0
) w
ORDER BY t.workspace_no, t.place;

-- name: is_gathered
-- Whether all attempts were looked through that older releases may have ended.
SELECT done_at IS NOT NULL FROM ledger_history;

-- name: gather
-- Once no node of an older release is left ($1: the schema before which it is older), have those of the next attempts
-- entered, in the order of their keys, that such a node ended. What was anonymised before is left out.
WITH place AS (
    SELECT h.workspace_no, h.call_id FROM ledger_history h
    WHERE h.done_at IS NULL AND NOT EXISTS (
        SELECT FROM nodes n WHERE n.explained_at IS NULL AND n.schema_version < $1)
),
looked AS MATERIALIZED (
    SELECT a.workspace_no, a.call_id FROM place l
    CROSS JOIN LATERAL (
        SELECT a.workspace_no, a.call_id FROM attempts a
        WHERE (a.workspace_no, a.call_id) > (l.workspace_no, l.call_id)
        ORDER BY a.workspace_no, a.call_id, a.attempt LIMIT $2
    ) a
),
keys AS (
    SELECT DISTINCT workspace_no, call_id FROM looked
),
salted AS (
    UPDATE attempts a SET ledger_salt = gen_random_uuid()
    FROM keys k
    CROSS JOIN LATERAL (
        SELECT FROM calls c
        WHERE c.workspace_no = k.workspace_no AND c.call_id = k.call_id AND left(c.to_number, 9) <> 'redacted:' OFFSET 0
    ) c
    WHERE a.workspace_no = k.workspace_no AND a.call_id = k.call_id
      AND a.end_reason IS NOT NULL AND a.ledger_salt IS NULL
    RETURNING a.workspace_no, a.call_id, a.attempt
),
entered AS (
    INSERT INTO ledger_due (workspace_no, call_id, attempt) SELECT s.workspace_no, s.call_id, s.attempt FROM salted s
),
last AS (
    SELECT workspace_no, call_id FROM looked ORDER BY workspace_no DESC, call_id DESC LIMIT 1
),
moved AS (
    UPDATE ledger_history h SET workspace_no = coalesce(l.workspace_no, h.workspace_no),
        call_id = coalesce(l.call_id, h.call_id),
        done_at = CASE WHEN (SELECT count(*) FROM looked) < $2 THEN $3::timestamptz END
    FROM place LEFT JOIN last l ON true
)
SELECT count(*) FROM looked;

-- name: come_to
-- Where these workspaces' ledgers have come to.
SELECT workspace_no, entries, head, peaks FROM ledgers WHERE workspace_no = ANY ($1::integer[]);

-- name: append
-- Write a block of entries into each of these ledgers. A block that is there already is an error, and nothing happens.
WITH grown AS (
    INSERT INTO ledgers AS l (workspace_no, entries, head, peaks, written_at)
    SELECT workspace_no, first_no + entries - 1, head, peaks, $8
    FROM unnest($1::integer[], $2::bigint[], $3::integer[], $6::bytea[], $7::bytea[])
        AS g (workspace_no, first_no, entries, head, peaks)
    ON CONFLICT (workspace_no) DO UPDATE SET
        entries = excluded.entries, head = excluded.head, peaks = excluded.peaks, written_at = excluded.written_at
)
INSERT INTO ledger_blocks (workspace_no, first_no, entries, prev, bodies, written_at)
SELECT workspace_no, first_no, entries, prev, bodies, $8
FROM unnest($1::integer[], $2::bigint[], $3::integer[], $4::bytea[], $5::bytea[])
    AS b (workspace_no, first_no, entries, prev, bodies);

-- name: unsigned
-- The ledgers that have more entries than were signed.
SELECT l.workspace_no, w.workspace_id, l.entries, l.head, l.peaks FROM ledgers l
JOIN workspaces w ON w.workspace_no = l.workspace_no
WHERE NOT EXISTS (
    SELECT FROM ledger_checkpoints c WHERE c.workspace_no = l.workspace_no AND c.entries >= l.entries)
ORDER BY l.workspace_no;

-- name: keep_checkpoint
-- Keep what was signed; the same once more, of the same instant, is kept already.
INSERT INTO ledger_checkpoints (workspace_no, entries, made_at, head, root, public_key, signature)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING;

-- name: standing
-- How a workspace's ledger stands; no row where the workspace has no entry yet.
SELECT l.entries, l.written_at, l.head, c.entries AS signed, c.made_at, c.root, c.public_key FROM ledgers l
LEFT JOIN LATERAL (
    SELECT * FROM ledger_checkpoints c WHERE c.workspace_no = l.workspace_no
    ORDER BY c.entries DESC, c.made_at DESC LIMIT 1
) c ON true
WHERE l.workspace_no = $1;

-- name: waiting
-- How much of a workspace waits to be entered, and since when the oldest of it is over.
SELECT coalesce(sum(w.attempts), 0)::bigint AS attempts, min(w.since) AS since FROM (
    SELECT 1 AS attempts, a.ended_at AS since FROM ledger_due d
    CROSS JOIN LATERAL (
        SELECT a.ended_at FROM attempts a
        WHERE a.workspace_no = d.workspace_no AND a.call_id = d.call_id AND a.attempt = d.attempt OFFSET 0
    ) a
    WHERE d.workspace_no = $1 AND d.decision_id IS NULL
    UNION ALL
    SELECT r.entries, r.since FROM ledger_ready r WHERE r.workspace_no = $1
) w;

-- name: signers
-- The keys that signed a workspace's ledger, the last one first.
SELECT public_key, max(made_at) AS last_at FROM ledger_checkpoints WHERE workspace_no = $1
GROUP BY public_key ORDER BY 2 DESC;

-- name: blocks
-- Blocks of a ledger, in order, from after an entry on.
SELECT first_no, entries, prev, written_at, bodies FROM ledger_blocks
WHERE workspace_no = $1 AND first_no > $2 ORDER BY first_no LIMIT $3;

-- name: openings
-- What opens the commitments of these attempts: their salts, and the numbers as far as they are still there.
SELECT k.call_id, k.attempt, a.ledger_salt, a.from_number, c.to_number
FROM unnest($2::uuid[], $3::smallint[]) AS k (call_id, attempt)
CROSS JOIN LATERAL (
    SELECT a.ledger_salt, a.from_number FROM attempts a
    WHERE a.workspace_no = $1 AND a.call_id = k.call_id AND a.attempt = k.attempt AND a.ledger_salt IS NOT NULL OFFSET 0
) a
CROSS JOIN LATERAL (
    SELECT c.to_number FROM calls c
    WHERE c.workspace_no = $1 AND c.call_id = k.call_id AND left(c.to_number, 9) <> 'redacted:' OFFSET 0
) c;

-- name: calls_to
-- The calls of a workspace to a number.
SELECT call_id FROM calls WHERE workspace_no = $1 AND to_number = $2;

-- name: workspaces
-- All workspaces, for the operator.
SELECT workspace_no, workspace_id, name FROM workspaces ORDER BY workspace_no;
