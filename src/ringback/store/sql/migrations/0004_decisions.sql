-- Decisions. This part only adds, and there is no other: a node of the release before withholds dials as it did, without
-- a row that says why.

-- Why a dial that was due was not placed: one row for as long as the same reason goes on.
CREATE TABLE decisions (
    workspace_no integer NOT NULL, -- no foreign keys, as for calls
    call_id      uuid NOT NULL,
    decision_id  uuid NOT NULL,
    attempt      smallint NOT NULL CHECK (attempt BETWEEN 1 AND 20),
    rule         text NOT NULL,
    pack         text,
    pack_version text,
    inputs       jsonb NOT NULL, -- what the rule went by; nothing of it is a phone number
    next_at      timestamptz, -- when the dial may be placed as far as this rule goes; null is never
    first_at     timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    times        integer NOT NULL DEFAULT 1 CHECK (times > 0),
    PRIMARY KEY (workspace_no, call_id, decision_id),
    CHECK ((pack IS NULL) = (pack_version IS NULL)),
    CHECK (first_at <= last_at)
) WITH (fillfactor = 80); -- room in the page for the same reason once more
