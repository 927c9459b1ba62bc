-- name: note
-- One change, in the transaction that makes it. A change of several transactions says in each what it came to so far.
INSERT INTO audit
    (workspace_no, entry_id, at, actor, key_id, last_four, operation, kind, thing_id, before, after, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::jsonb, $11::text::jsonb, $12)
ON CONFLICT (workspace_no, entry_id) DO UPDATE SET after = excluded.after;

-- name: entries
-- The changes of a workspace, newest first, those between two times and by what is asked for.
SELECT entry_id, at, actor, key_id, last_four, operation, kind, thing_id, before::text AS before, after::text AS after,
       request_id
FROM audit
WHERE workspace_no = $1
  AND ($2::text IS NULL OR operation = $2)
  AND ($3::text IS NULL OR kind = $3)
  AND ($4::text IS NULL OR thing_id = $4)
  AND ($5::uuid IS NULL OR key_id = $5)
  AND ($6::uuid IS NULL OR entry_id >= $6)
  AND ($7::uuid IS NULL OR entry_id < $7)
  AND ($8::uuid IS NULL OR entry_id < $8)
ORDER BY entry_id DESC LIMIT $9 OFFSET $10;

-- name: count_entries
-- How many those are.
SELECT count(*) FROM audit
WHERE workspace_no = $1
  AND ($2::text IS NULL OR operation = $2)
  AND ($3::text IS NULL OR kind = $3)
  AND ($4::text IS NULL OR thing_id = $4)
  AND ($5::uuid IS NULL OR key_id = $5)
  AND ($6::uuid IS NULL OR entry_id >= $6)
  AND ($7::uuid IS NULL OR entry_id < $7);

-- name: forget
-- Let the oldest changes go that were made before $1, some of each workspace: they are first in its part of the key.
DELETE FROM audit a
USING workspaces w CROSS JOIN LATERAL (
    SELECT o.workspace_no, o.entry_id FROM audit o
    WHERE o.workspace_no = w.workspace_no AND o.entry_id < $1
    ORDER BY o.entry_id LIMIT $2 FOR UPDATE SKIP LOCKED
) old
WHERE a.workspace_no = old.workspace_no AND a.entry_id = old.entry_id;
