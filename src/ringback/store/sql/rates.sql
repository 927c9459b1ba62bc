-- name: rates_of
-- What a deck charges for these numbers at these times: the longest beginning of each in the version that was in force
-- then, each looked up by its key. Nothing where there is no such version, or no such beginning in it.
SELECT n.place, r.per_minute_micros, r.connect_micros, r.first_sec, r.next_sec, d.currency
FROM unnest($1::integer[], $2::uuid[], $3::text[], $4::timestamptz[]) WITH ORDINALITY
    AS n (workspace_no, deck_id, number, at, place)
CROSS JOIN LATERAL (
    SELECT d.currency FROM rate_decks d WHERE d.workspace_no = n.workspace_no AND d.deck_id = n.deck_id OFFSET 0
) d
CROSS JOIN LATERAL (
    SELECT v.version FROM rate_deck_versions v
    WHERE v.workspace_no = n.workspace_no AND v.deck_id = n.deck_id AND v.valid_from <= n.at
    ORDER BY v.valid_from DESC, v.version DESC LIMIT 1
) v
CROSS JOIN LATERAL (
    SELECT r.* FROM generate_series(1, length(n.number)) AS digits
    CROSS JOIN LATERAL (
        SELECT r.* FROM rates r
        WHERE r.workspace_no = n.workspace_no AND r.deck_id = n.deck_id AND r.version = v.version
          AND r.prefix = left(n.number, digits)
        OFFSET 0
    ) r
    ORDER BY digits DESC LIMIT 1
) r;

-- name: create_deck
-- A deck, without a version yet.
INSERT INTO rate_decks (workspace_no, deck_id, name, currency, created_at) VALUES ($1, $2, $3, $4, $5);

-- name: lock_deck
-- Hold a deck: who adds a version to it waits, and counts on from this one.
SELECT currency FROM rate_decks WHERE workspace_no = $1 AND deck_id = $2 FOR UPDATE;

-- name: rename_deck
-- Give a deck another name.
UPDATE rate_decks SET name = $3 WHERE workspace_no = $1 AND deck_id = $2;

-- name: delete_deck
-- A deck that is held goes, with its versions and rates. What was charged by it keeps what it cost.
WITH unrated AS (
    DELETE FROM rates WHERE workspace_no = $1 AND deck_id = $2
),
unversioned AS (
    DELETE FROM rate_deck_versions WHERE workspace_no = $1 AND deck_id = $2
)
DELETE FROM rate_decks WHERE workspace_no = $1 AND deck_id = $2;

-- name: add_version
-- The next version of a deck that is held.
INSERT INTO rate_deck_versions (workspace_no, deck_id, version, valid_from, rates, created_at)
SELECT $1, $2, coalesce(max(v.version), 0) + 1, $3, $4, $5 FROM rate_deck_versions v
WHERE v.workspace_no = $1 AND v.deck_id = $2
RETURNING version;

-- name: add_rates
-- Rates of a version that this transaction makes, in the order of their beginnings.
INSERT INTO rates (workspace_no, deck_id, version, prefix, per_minute_micros, connect_micros, first_sec, next_sec)
SELECT $1, $2, $3, r.* FROM unnest($4::text[], $5::bigint[], $6::bigint[], $7::integer[], $8::integer[])
    AS r (prefix, per_minute_micros, connect_micros, first_sec, next_sec)
ORDER BY r.prefix;

-- name: some_decks
-- These decks.
SELECT workspace_no, deck_id, name, currency, created_at FROM rate_decks
WHERE workspace_no = $1 AND deck_id = ANY ($2::uuid[]);

-- name: decks
-- A workspace's decks, newest first.
SELECT workspace_no, deck_id, name, currency, created_at FROM rate_decks d
WHERE d.workspace_no = $1 AND ($2::uuid IS NULL OR d.deck_id < $2)
ORDER BY d.deck_id DESC LIMIT $3 OFFSET $4;

-- name: count_decks
-- How many decks a workspace has.
SELECT count(*) FROM rate_decks WHERE workspace_no = $1;

-- name: versions
-- The versions of these decks, oldest first.
SELECT deck_id, version, valid_from, rates, created_at FROM rate_deck_versions
WHERE workspace_no = $1 AND deck_id = ANY ($2::uuid[]) ORDER BY deck_id, version;

-- name: deck_trunks
-- The trunks that are charged by these decks.
SELECT rate_deck_id AS deck_id, trunk_id FROM trunks
WHERE workspace_no = $1 AND rate_deck_id = ANY ($2::uuid[]) ORDER BY trunk_no;

-- name: rates
-- Rates of a version from a beginning on, in their order: all, or those that a number begins with, the one that counts
-- last.
SELECT prefix, per_minute_micros, connect_micros, first_sec, next_sec FROM rates
WHERE workspace_no = $1 AND deck_id = $2 AND version = $3 AND prefix > $4
  AND ($6::text IS NULL OR prefix = ANY (ARRAY(SELECT left($6, digits) FROM generate_series(1, length($6)) AS digits)))
ORDER BY prefix LIMIT $5;

-- name: whole_deck
-- All rates of a deck, for who reckons with it.
SELECT d.currency, v.version, v.valid_from, r.prefix, r.per_minute_micros, r.connect_micros, r.first_sec, r.next_sec
FROM rate_decks d
JOIN rate_deck_versions v ON v.workspace_no = d.workspace_no AND v.deck_id = d.deck_id
JOIN rates r ON r.workspace_no = v.workspace_no AND r.deck_id = v.deck_id AND r.version = v.version
WHERE d.workspace_no = $1 AND d.deck_id = $2
ORDER BY v.version, r.prefix;

-- name: give_deck
-- By which deck calls over a trunk are charged; null is none.
UPDATE trunks SET rate_deck_id = $3 WHERE workspace_no = $1 AND trunk_no = $2;
