-- The do-not-call list. This part only adds, and there is no other. A node of the release before does not know the list:
-- what waits for a new entry is ended beside it, and what it claims after that it dials.

-- Both at once and first. Claims hold no workspace for long, and single calls are found while they are made.
LOCK TABLE workspaces IN ACCESS EXCLUSIVE MODE;
LOCK TABLE calls IN SHARE MODE;

-- Goes up with every change of the list; whoever claims holds it, whoever adds an entry waits for that, and so no claim
-- takes a dial that an entry forbids.
ALTER TABLE workspaces ADD COLUMN list_version bigint NOT NULL DEFAULT 0;

-- Numbers that are not to be dialled: E.164, or the beginning of numbers with a star behind it.
CREATE TABLE do_not_call (
    workspace_no integer NOT NULL, -- no foreign key, as for calls
    entry_id     uuid NOT NULL,
    number       text NOT NULL,
    source       text NOT NULL CHECK (source IN ('import', 'api', 'opt_out', 'agent')),
    note         text,
    created_at   timestamptz NOT NULL,
    created_by   uuid, -- the API key; null where no request made it
    expires_at   timestamptz,
    deleted_at   timestamptz,
    deleted_by   uuid,
    PRIMARY KEY (workspace_no, entry_id),
    CHECK (deleted_by IS NULL OR deleted_at IS NOT NULL)
);
-- The one that counts for a number; those that were deleted are kept.
CREATE UNIQUE INDEX do_not_call_number ON do_not_call (workspace_no, number) WHERE deleted_at IS NULL;
-- Whether a workspace has any of these, and which.
CREATE INDEX do_not_call_prefixes ON do_not_call (workspace_no, number)
    WHERE deleted_at IS NULL AND right(number, 1) = '*';

-- To find the single calls to a number that is put on the list; the leads with it are found by calls_lead.
CREATE INDEX calls_single ON calls (workspace_no, to_number) WHERE campaign_no = 0;
