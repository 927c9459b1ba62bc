-- name: reserve
-- Count a dial to each of these numbers, or about these debts, and tell what was known of them before, in key order, so that two claims cannot
-- lock each other out. A conflict is met at the row's newest version, locked until the transaction ends: unlike a count
-- beside a lock, nobody's dial is missed. What is older than $3 is forgotten. The new dial is the last one.
INSERT INTO contacts AS c (workspace_no, to_number, dials)
SELECT n.workspace_no, n.to_number, ARRAY[$4::timestamptz]
FROM unnest($1::integer[], $2::text[]) AS n (workspace_no, to_number)
ORDER BY n.workspace_no, n.to_number
ON CONFLICT (workspace_no, to_number) DO UPDATE SET
    dials = ARRAY(SELECT d.at FROM unnest(c.dials) AS d (at) WHERE d.at > $3) || $4::timestamptz
RETURNING c.workspace_no, c.to_number, c.dials, c.talked_at;

-- name: give_back
-- Take the last dial back that this transaction has counted: it is withheld.
UPDATE contacts c SET dials = trim_array(c.dials, 1)
WHERE c.ctid = ANY (ARRAY(
    SELECT found.at FROM unnest($1::integer[], $2::text[]) AS n (workspace_no, to_number)
    CROSS JOIN LATERAL (
        SELECT c.ctid AS at FROM contacts c WHERE c.workspace_no = n.workspace_no AND c.to_number = n.to_number OFFSET 0
    ) found));

-- name: uncount
-- Take back the dials whose intents were withdrawn, in key order; where a number's dial is not counted, nothing is done.
WITH given AS (
    SELECT * FROM unnest($1::integer[], $2::text[], $3::timestamptz[]) AS g (workspace_no, to_number, at) ORDER BY 1, 2
),
held AS MATERIALIZED (
    SELECT g.*, c.place FROM given g
    CROSS JOIN LATERAL (
        SELECT array_position(c.dials, g.at) AS place FROM contacts c
        WHERE c.workspace_no = g.workspace_no AND c.to_number = g.to_number FOR UPDATE
    ) c
)
UPDATE contacts c SET dials = c.dials[: array_position(c.dials, h.at) - 1] || c.dials[array_position(c.dials, h.at) + 1 :]
FROM held h
WHERE h.place IS NOT NULL AND c.workspace_no = h.workspace_no AND c.to_number = h.to_number;

-- name: talked
-- Somebody talked with these numbers, in key order.
INSERT INTO contacts AS c (workspace_no, to_number, talked_at)
SELECT * FROM unnest($1::integer[], $2::text[], $3::timestamptz[]) AS t (workspace_no, to_number, at)
ORDER BY t.workspace_no, t.to_number
ON CONFLICT (workspace_no, to_number) DO UPDATE SET talked_at = greatest(c.talked_at, excluded.talked_at);

-- name: dials_of
-- When these calls were dialled.
SELECT k.workspace_no, k.call_id, a.dials FROM unnest($1::integer[], $2::uuid[]) AS k (workspace_no, call_id)
CROSS JOIN LATERAL (
    SELECT array_agg(coalesce(a.called_at, a.intent_at)) AS dials FROM attempts a
    WHERE a.workspace_no = k.workspace_no AND a.call_id = k.call_id OFFSET 0
) a;

-- name: contact_rules
-- The contact rules of a workspace, null for none.
SELECT contact_rules::text FROM workspaces WHERE workspace_no = $1;

-- name: set_contact_rules
-- Another set of contact rules. Claims hold the row: those under way are waited for, and those that come see it.
UPDATE workspaces SET contact_rules = $2::text::jsonb WHERE workspace_no = $1;

-- name: hold_span
-- For how long dials are remembered. Claims hold the row: those under way are waited for.
SELECT contact_span_sec FROM workspaces WHERE workspace_no = $1 FOR NO KEY UPDATE;

-- name: remember
-- Remember dials for so long: the claims that come count theirs.
UPDATE workspaces SET contact_span_sec = $2 WHERE workspace_no = $1;

-- name: forget
-- Count no longer where nobody looks at it: there are no contact rules, and no rule packs.
UPDATE workspaces w SET contact_span_sec = NULL
WHERE w.workspace_no = $1 AND w.contact_rules IS NULL AND w.rule_packs = '{}'
  AND NOT EXISTS (SELECT FROM campaigns c WHERE c.workspace_no = $1 AND c.rule_packs <> '{}');

-- name: count_before
-- Count what was dialled and talked since $2, from the attempts, so that rules bind from the beginning. What is kept of
-- the time before the first of them stays: retention may have deleted its attempts. Where nothing was counted until now
-- ($4), nobody notes the conversation of a call that is up: it is taken for one that lasts until $5. An intent that waits
-- for its check is no call yet.
INSERT INTO contacts AS c (workspace_no, to_number, dials, talked_at)
SELECT a.workspace_no, n.counted_under,
       array_agg(CASE WHEN a.ended_at IS NULL THEN a.intent_at ELSE coalesce(a.called_at, a.intent_at) END),
       max(CASE WHEN a.end_reason = ANY ($3::text[]) THEN a.ended_at
                WHEN a.ended_at IS NULL AND NOT a.unchecked AND $4 THEN $5::timestamptz END)
FROM attempts a
JOIN calls k ON k.workspace_no = a.workspace_no AND k.call_id = a.call_id
CROSS JOIN LATERAL (VALUES (k.to_number), ('debt:' || k.debt_id)) AS n (counted_under)
WHERE a.workspace_no = $1 AND a.intent_at > $2 AND left(k.to_number, 1) = '+' AND n.counted_under IS NOT NULL
GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (workspace_no, to_number) DO UPDATE SET
    dials = ARRAY(
        SELECT d.at FROM unnest(c.dials) AS d (at)
        WHERE d.at < (SELECT min(e.at) FROM unnest(excluded.dials) AS e (at)) - $6::integer * interval '1 second'
    ) || excluded.dials,
    talked_at = greatest(c.talked_at, excluded.talked_at);
