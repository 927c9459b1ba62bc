-- Real calls, named policies, rule packs, calling hours, and why a dial was not placed. This part only adds, and there is
-- no other. A node of the release before settles without `details`, which stay null, and knows nothing of what agents play.
-- It dials every campaign over the first of its trunks, and passes by the lanes of dials that must go over another one. It
-- goes by the policy that is in each campaign and each call, as this release does; it withholds dials as it did, without a
-- row that says why; it dials without rule packs, and knows no hours but those that are the same every day, so nobody may
-- choose others while one lives; and it does not know the do-not-call list: what waits for a new entry is ended beside it,
-- and what it claims after that it dials.

-- All at once and first, in the order in which a claim takes them. A settlement of the old node holds no agents, and
-- whoever makes a campaign reads an agent's row, which this lock allows: only who changes agents waits. Whoever makes a key holds
-- api_keys before its workspace.
LOCK TABLE api_keys, workspaces, trunks, campaigns, queue, calls, attempts IN ACCESS EXCLUSIVE MODE;
LOCK TABLE agents IN SHARE ROW EXCLUSIVE MODE;

-- What else the signalling and the agent told of an attempt; null where nothing did, as for simulated calls. Neither a
-- row is written anew for it nor a page read, whatever the table holds.
ALTER TABLE attempts ADD COLUMN details jsonb;

-- For analytics, which read a span of days of them: attempts lie in the order in which they were made, so that it is
-- enough to know of each 32 pages from when to when, and who dials need not add to another tree for each attempt. The
-- table is read once for it.
CREATE INDEX attempts_made ON attempts USING brin (intent_at) WITH (pages_per_range = 32, autosummarize = on);

-- What hides an attempt's numbers in the ledger: set by the statement that ends it and has it entered, and null again
-- once nobody is to read them. What a node of the release before ends is entered once no such node is left.
ALTER TABLE attempts ADD COLUMN ledger_salt uuid;

-- What message agents play instead of speaking: one file an agent, converted when it was uploaded (16 kHz mono FLAC).
CREATE TABLE agent_audio (
    workspace_no integer NOT NULL,
    agent_id     uuid NOT NULL,
    sha256       text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    bytes        bytea NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace_no, agent_id),
    FOREIGN KEY (workspace_no, agent_id) REFERENCES agents
);
-- FLAC does not get smaller: PostgreSQL need not try.
ALTER TABLE agent_audio ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- What agents tell of an attempt over the API, and by which token one may: its SHA-256, null where none was made.
CREATE TABLE agent_reports (
    workspace_no  integer NOT NULL, -- no foreign keys, as for calls
    call_id       uuid NOT NULL,
    attempt       smallint NOT NULL,
    token_hash    bytea,
    transcript    jsonb,
    transcript_at timestamptz,
    analysis      jsonb,
    analysis_at   timestamptz,
    PRIMARY KEY (workspace_no, call_id, attempt),
    CHECK ((transcript IS NULL) = (transcript_at IS NULL)),
    CHECK ((analysis IS NULL) = (analysis_at IS NULL))
) WITH (fillfactor = 70); -- room in the page for what is told, as far as it is short

-- What is to be entered into a ledger: put here by the statement that ends an attempt, or writes a decision down, and
-- taken out by the one that enters it. It has no index: whoever takes, takes whatever is there.
CREATE TABLE ledger_due (
    workspace_no integer NOT NULL,
    call_id      uuid NOT NULL,
    attempt      smallint NOT NULL,
    decision_id  uuid -- null for an attempt that is over
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_insert_threshold = -1, vacuum_truncate = false); -- as for the queue

-- Entries that wait to be written, as bodies: those of attempts that ended together, put here by the statement that ended
-- them, and taken out by the one that writes them. It has no index either.
CREATE TABLE ledger_ready (
    workspace_no integer NOT NULL,
    entries      integer NOT NULL,
    since        timestamptz NOT NULL, -- when the first of them ended
    bodies       bytea NOT NULL -- as in ledger_blocks
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_insert_threshold = -1, vacuum_truncate = false, toast.autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 5000, toast.autovacuum_vacuum_cost_delay = 0,
    toast.autovacuum_vacuum_insert_threshold = -1, toast.vacuum_truncate = false);
ALTER TABLE ledger_ready ALTER COLUMN bodies SET STORAGE EXTERNAL;

-- Where each workspace's ledger has come to: the hash of its last entry, and the peaks of the tree of all of them.
CREATE TABLE ledgers (
    workspace_no integer PRIMARY KEY,
    entries      bigint NOT NULL CHECK (entries > 0),
    head         bytea NOT NULL CHECK (length(head) = 32),
    peaks        bytea NOT NULL,
    written_at   timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    vacuum_truncate = false); -- as for limits

-- Entries, as many together as were written together; never changed and never deleted. The bodies are lines, and
-- compressed; with `prev` and the rest of the row they make the entries, byte for byte.
CREATE TABLE ledger_blocks (
    workspace_no integer NOT NULL,
    first_no     bigint NOT NULL CHECK (first_no > 0),
    entries      integer NOT NULL CHECK (entries > 0),
    prev         bytea NOT NULL CHECK (length(prev) = 32),
    written_at   timestamptz NOT NULL,
    bodies       bytea NOT NULL,
    PRIMARY KEY (workspace_no, first_no)
);
-- It is compressed already: PostgreSQL need not try.
ALTER TABLE ledger_blocks ALTER COLUMN bodies SET STORAGE EXTERNAL;

-- What was signed of a ledger: so many entries, and which. Never changed and never deleted.
CREATE TABLE ledger_checkpoints (
    workspace_no integer NOT NULL,
    entries      bigint NOT NULL,
    made_at      timestamptz NOT NULL,
    head         bytea NOT NULL,
    root         bytea NOT NULL,
    public_key   bytea NOT NULL CHECK (length(public_key) = 32),
    signature    bytea NOT NULL CHECK (length(signature) = 64),
    PRIMARY KEY (workspace_no, entries, made_at)
);

-- How far the attempts have been looked through that older releases ended: once, when none of them is left.
CREATE TABLE ledger_history (
    workspace_no integer NOT NULL,
    call_id      uuid NOT NULL,
    done_at      timestamptz
);
INSERT INTO ledger_history VALUES (0, '00000000-0000-0000-0000-000000000000', NULL);

-- A campaign's trunks as [[trunk_no, priority, weight], ...], the preferred first, which is trunk_no; null for trunk_no
-- alone.
ALTER TABLE campaigns ADD COLUMN ways jsonb;
-- The trunks of whose lanes there may be dials of it: those that it has and those that it had, if ever several.
ALTER TABLE campaigns ADD COLUMN lane_trunks integer[] NOT NULL DEFAULT '{}';
-- Every node asks for these all the time: of a table of wide rows that is still small the planner would walk over more.
CREATE INDEX campaigns_hang_up ON campaigns (workspace_no, campaign_no) WHERE hang_up;

-- Over which trunk the next dial must go, since this one refused it; null where that is open.
ALTER TABLE attempts ADD COLUMN retry_trunk_no integer;

-- A campaign's dials may wait in the lane of a trunk too. Whatever kept the old rule keeps this one.
ALTER TABLE queue DROP CONSTRAINT queue_check;
ALTER TABLE queue ADD CONSTRAINT queue_check CHECK (campaign_no <> 0 OR trunk_no <> 0);

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

-- Of a single call whose policy is a version of a named one. No row is written anew.
ALTER TABLE calls ADD COLUMN retry_policy_id uuid, ADD COLUMN retry_policy_version integer;

-- Retry policies that a workspace has named. A change is a version of its own, and no version is ever changed.
CREATE TABLE retry_policies (
    workspace_no integer NOT NULL REFERENCES workspaces,
    policy_id    uuid NOT NULL,
    name         text NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace_no, policy_id)
);

CREATE TABLE retry_policy_versions (
    workspace_no integer NOT NULL,
    policy_id    uuid NOT NULL,
    version      integer NOT NULL CHECK (version > 0),
    retry        jsonb NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace_no, policy_id, version),
    FOREIGN KEY (workspace_no, policy_id) REFERENCES retry_policies
);

-- What was in force in a campaign, by its own counter, which each attempt names: it can be read back for ever. Which
-- version of which named policy it was is null where it was none; that policy may be gone since.
CREATE TABLE campaign_policies (
    workspace_no   integer NOT NULL,
    campaign_no    integer NOT NULL,
    policy_version integer NOT NULL,
    retry          jsonb NOT NULL,
    policy_id      uuid,
    pinned_version integer,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (workspace_no, campaign_no, policy_version),
    CHECK ((policy_id IS NULL) = (pinned_version IS NULL))
);
CREATE INDEX campaign_policies_pins ON campaign_policies (workspace_no, policy_id) WHERE policy_id IS NOT NULL;

-- What is in force now; what was before is known to nobody.
INSERT INTO campaign_policies (workspace_no, campaign_no, policy_version, retry, created_at)
SELECT workspace_no, campaign_no, policy_version, retry, created_at FROM campaigns;

-- The names of packs, each with its version behind an @ or without: for all dials of the workspace, and for those of a
-- campaign besides. What the calls are for, null where nobody has said.
ALTER TABLE workspaces
    ADD COLUMN rule_packs text[] NOT NULL DEFAULT '{}',
    ADD COLUMN purpose text CHECK (purpose IN ('marketing', 'collections', 'survey', 'service'));
ALTER TABLE campaigns
    ADD COLUMN rule_packs text[] NOT NULL DEFAULT '{}',
    ADD COLUMN purpose text CHECK (purpose IN ('marketing', 'collections', 'survey', 'service'));

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

-- How often a number and a lead may be dialled, whatever the campaign; null is no rule.
ALTER TABLE workspaces ADD COLUMN contact_rules jsonb;
-- For how long dials and conversations are remembered in contacts, in seconds; null where they are not counted.
ALTER TABLE workspaces ADD COLUMN contact_span_sec integer CHECK (contact_span_sec > 0);

-- When each number was dialled lately and when somebody last talked there, in workspaces that have contact rules, or rule
-- packs with clauses of that kind.
CREATE TABLE contacts (
    workspace_no integer NOT NULL, -- no foreign key, as for calls
    to_number    text NOT NULL,
    dials        timestamptz[] NOT NULL DEFAULT '{}',
    talked_at    timestamptz,
    PRIMARY KEY (workspace_no, to_number)
) WITH (fillfactor = 60); -- room in the page for the next dial

-- The time zone of leads of whom neither the file nor the number tells one.
ALTER TABLE workspaces ADD COLUMN timezone text;
-- The hours in their written form; null where window_start_min and window_end_min say all.
ALTER TABLE campaigns ADD COLUMN calling_window jsonb;
-- The hours of a single call, null for any; the part of a country where the lead is, as its row gave it; and who said in
-- which zones the lead may be, null for what was made before.
ALTER TABLE calls ADD COLUMN calling_window jsonb;
ALTER TABLE calls ADD COLUMN region text;
ALTER TABLE calls ADD COLUMN zone_source text CHECK (zone_source IN ('lead', 'number', 'workspace', 'none'));

-- A call may be over because one more redial would cost too much. Whatever kept the old rule keeps this one; the table
-- is read once for it.
ALTER TABLE calls DROP CONSTRAINT calls_final_reason_check;
ALTER TABLE calls ADD CONSTRAINT calls_final_reason_check
    CHECK (final_reason IN ('reached', 'attempts_exhausted', 'not_retryable', 'expired', 'cancelled', 'opted_out',
                            'too_costly'));

-- The one currency of a workspace's budgets and rate decks, null until it has one; and whether it ever had a budget:
-- claims hold this row, and look at budgets only then.
ALTER TABLE workspaces
    ADD COLUMN currency text CHECK (currency ~ '^[A-Z]{3}$'),
    ADD COLUMN budgeted boolean NOT NULL DEFAULT false;
-- By which deck calls over a trunk are charged; null where its own tariff says all.
ALTER TABLE trunks ADD COLUMN rate_deck_id uuid;

-- What carriers charge, by the beginning of the number, in the currency of the workspace.
CREATE TABLE rate_decks (
    workspace_no integer NOT NULL REFERENCES workspaces,
    deck_id      uuid NOT NULL,
    name         text NOT NULL,
    currency     text NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace_no, deck_id)
);

-- Each replaces the one before as a whole, from its instant on, and none is ever changed.
CREATE TABLE rate_deck_versions (
    workspace_no integer NOT NULL,
    deck_id      uuid NOT NULL,
    version      integer NOT NULL CHECK (version > 0),
    valid_from   timestamptz NOT NULL,
    rates        integer NOT NULL CHECK (rates > 0), -- how many
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace_no, deck_id, version),
    FOREIGN KEY (workspace_no, deck_id) REFERENCES rate_decks
);

CREATE TABLE rates (
    workspace_no      integer NOT NULL, -- no foreign key: it would be looked up for each of a hundred thousand rates
    deck_id           uuid NOT NULL,
    version           integer NOT NULL,
    prefix            text NOT NULL, -- with its plus
    per_minute_micros bigint NOT NULL CHECK (per_minute_micros >= 0),
    connect_micros    bigint NOT NULL CHECK (connect_micros >= 0),
    first_sec         integer NOT NULL CHECK (first_sec > 0),
    next_sec          integer NOT NULL CHECK (next_sec > 0),
    PRIMARY KEY (workspace_no, deck_id, version, prefix)
);

-- What may be spent, and what has been: added to by the statement that ends attempts. campaign_no 0 is the workspace's
-- own. A row stays when its amount is taken away (null), and goes on counting.
CREATE TABLE budgets (
    workspace_no  integer NOT NULL REFERENCES workspaces,
    campaign_no   integer NOT NULL,
    amount_micros bigint CHECK (amount_micros >= 0),
    spent_micros  bigint NOT NULL,
    currency      text NOT NULL,
    counted_from  timestamptz, -- null: from the campaign's first attempt
    PRIMARY KEY (workspace_no, campaign_no)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    vacuum_truncate = false); -- as for limits

-- When who is called agreed to it, and until when; null where nobody knows, and for no end. No row is written anew.
ALTER TABLE calls ADD COLUMN consent_at timestamptz, ADD COLUMN consent_expires_at timestamptz;
-- Whether nobody is dialled who has not agreed.
ALTER TABLE campaigns ADD COLUMN requires_consent boolean NOT NULL DEFAULT false;

-- Whom a workspace has asked before each dial, null for nobody; and whether an intent waits for the answer: then no trunk
-- was asked for it, whatever became of its node.
ALTER TABLE workspaces ADD COLUMN pre_dial_check jsonb;
ALTER TABLE attempts ADD COLUMN unchecked boolean NOT NULL DEFAULT false;

-- Caller numbers that stand in for one another. With max_dials each of them rests after so many dials in a span. A node
-- of the release before knows no pools: nothing may have one while such a node lives.
CREATE TABLE caller_pools (
    workspace_no   integer NOT NULL REFERENCES workspaces,
    pool_no        integer GENERATED ALWAYS AS IDENTITY,
    pool_id        uuid NOT NULL,
    name           text NOT NULL,
    local_presence boolean NOT NULL,
    max_dials      integer CHECK (max_dials > 0),
    span_sec       integer CHECK (span_sec > 0),
    rest_sec       integer CHECK (rest_sec > 0), -- null: for what is left of the span
    created_at     timestamptz NOT NULL,
    deleted_at     timestamptz, -- calls that are over name it still
    PRIMARY KEY (workspace_no, pool_no),
    UNIQUE (workspace_no, pool_id),
    CHECK ((max_dials IS NULL) = (span_sec IS NULL)),
    CHECK (rest_sec IS NULL OR max_dials IS NOT NULL)
);

-- In which pool a number is, and what was dialled from it through one. Of a number that was taken out the row stays, so
-- that it does not come back rested.
CREATE TABLE caller_pool_numbers (
    workspace_no integer NOT NULL,
    caller_no    integer NOT NULL, -- no foreign key: a caller number is never deleted, but for its deleted_at
    pool_no      integer,
    began_at     timestamptz, -- of its present span, or the last one
    dials        integer NOT NULL DEFAULT 0 CHECK (dials >= 0), -- since then
    last_at      timestamptz,
    PRIMARY KEY (workspace_no, caller_no),
    FOREIGN KEY (workspace_no, pool_no) REFERENCES caller_pools,
    CHECK ((began_at IS NULL) = (last_at IS NULL))
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    vacuum_truncate = false); -- as for limits
CREATE INDEX caller_pool_numbers_pool ON caller_pool_numbers (workspace_no, pool_no);

-- Of which pool the numbers of a campaign, or of a single call, are; a from_number goes before it. What waits for a
-- number of a pool has that pool's number, below 0, as its caller_no in the queue.
ALTER TABLE campaigns ADD COLUMN caller_pool_no integer;
ALTER TABLE calls ADD COLUMN caller_pool_no integer;

-- What the owner of a call names the debt that it is about, null for none. Its dials are counted in contacts beside those
-- of its number, under `debt:` and that name.
ALTER TABLE calls ADD COLUMN debt_id text;

-- How long a key is good and from where, and when it was used last. A node of the release before knows no ends and no
-- networks: no key may have one while such a node lives.
ALTER TABLE api_keys
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN networks text[],
    ADD COLUMN last_used_at timestamptz,
    ADD COLUMN replaced_by uuid;
-- What was one scope is several: whoever had it can do what it could.
UPDATE api_keys SET scopes = scopes || ARRAY['campaigns:read'] WHERE 'calls:read' = ANY (scopes);
UPDATE api_keys SET scopes = scopes || ARRAY['campaigns:write', 'agents:write'] WHERE 'calls:write' = ANY (scopes);

-- What a request with an Idempotency-Key was answered, written by the transaction of what it made, and kept for a day. The
-- body is sealed with the API key that asked.
CREATE TABLE idempotency (
    workspace_no integer NOT NULL,
    name_hash    bytea NOT NULL CHECK (length(name_hash) = 32),
    fingerprint  bytea NOT NULL CHECK (length(fingerprint) = 32),
    status       smallint NOT NULL,
    body         bytea NOT NULL,
    answered_at  timestamptz NOT NULL,
    PRIMARY KEY (workspace_no, name_hash)
);
CREATE INDEX idempotency_by_age ON idempotency (answered_at);

-- Where a workspace has told what happens. The secrets are sealed; the one before is good until before_until.
CREATE TABLE webhooks (
    workspace_no  integer NOT NULL REFERENCES workspaces,
    webhook_no    integer GENERATED ALWAYS AS IDENTITY,
    webhook_id    uuid NOT NULL,
    url           text NOT NULL,
    name          text NOT NULL,
    events        text[] NOT NULL,
    secret        jsonb NOT NULL,
    secret_before jsonb,
    before_until  timestamptz,
    created_at    timestamptz NOT NULL,
    off_at        timestamptz, -- nothing is written for it from then on; what waits is kept
    off_reason    text CHECK (off_reason IN ('owner', 'failing', 'gone')),
    failing_since timestamptz, -- since then nothing was taken; null too where that has been for a moment only
    last_failure  text,
    node_no       integer, -- which node sends what waits for it, for as long as that one lives
    PRIMARY KEY (workspace_no, webhook_no),
    UNIQUE (workspace_no, webhook_id),
    CHECK ((off_at IS NULL) = (off_reason IS NULL)),
    CHECK ((secret_before IS NULL) = (before_until IS NULL))
);

-- What is to be told: written by the statement of the fact, or in its transaction, and deleted once it was taken. Its id
-- follows from the fact: the same for every webhook, and however often it is sent.
CREATE TABLE outbox (
    workspace_no   integer NOT NULL, -- no foreign keys, as for calls
    webhook_no     integer NOT NULL,
    subject_id     uuid NOT NULL, -- of a call, a campaign, a trunk or the webhook itself
    event_no       bigint GENERATED ALWAYS AS IDENTITY, -- the order of what is told of one subject
    -- a UUIDv7 (RFC 9562, section 5.7) of which the random bits are a hash
    event_id       uuid NOT NULL GENERATED ALWAYS AS ((
        lpad(to_hex((extract(epoch FROM happened_at AT TIME ZONE 'UTC') * 1000)::bigint), 12, '0') || overlay(overlay(
            left(encode(sha256(uuid_send(subject_id) || int2send(attempt) || decode(event, 'escape')), 'hex'), 20)
            PLACING '7' FROM 1 FOR 1) PLACING '8' FROM 5 FOR 1))::uuid) STORED,
    event          text NOT NULL,
    attempt        smallint NOT NULL DEFAULT 0, -- 0 where it is of none
    happened_at    timestamptz NOT NULL,
    due_at         timestamptz NOT NULL,
    tries          smallint NOT NULL DEFAULT 0,
    first_tried_at timestamptz,
    last_failure   text,
    dead_at        timestamptz, -- it is not tried again, unless somebody asks for it
    PRIMARY KEY (workspace_no, webhook_no, subject_id, event_no)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = false,
    autovacuum_vacuum_insert_threshold = -1); -- as for the queue
CREATE INDEX outbox_due ON outbox (workspace_no, webhook_no, due_at) WHERE dead_at IS NULL;
CREATE INDEX outbox_dead ON outbox (workspace_no, webhook_no, event_id) WHERE dead_at IS NOT NULL;
-- Which node said that a trunk takes no dials, so that webhooks are told once.
ALTER TABLE trunks ADD COLUMN down_node_no integer;
CREATE INDEX trunks_down ON trunks (workspace_no, trunk_no) WHERE down_node_no IS NOT NULL;

-- Files that workspaces asked for. The file is on the server that made it, under a name that its id gives; a row that is
-- gone is a file that goes.
CREATE TABLE exports (
    workspace_no  integer NOT NULL REFERENCES workspaces,
    export_id     uuid NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('calls', 'attempts', 'decisions')),
    format        text NOT NULL CHECK (format IN ('csv', 'jsonl', 'parquet')),
    filters       jsonb NOT NULL,
    columns       text[] NOT NULL,
    status        text NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed')),
    created_at    timestamptz NOT NULL,
    created_by    uuid NOT NULL, -- the API key
    expires_at    timestamptz NOT NULL,
    server        text, -- that makes or has it
    begun         smallint NOT NULL DEFAULT 0, -- how often: what one process writes no other one does
    lease_until   timestamptz, -- its maker is heard of by then, or another one begins anew
    rows          bigint NOT NULL DEFAULT 0,
    rows_expected bigint, -- about so many, by the planner
    bytes         bigint NOT NULL DEFAULT 0,
    finished_at   timestamptz,
    error         text,
    PRIMARY KEY (workspace_no, export_id)
);
CREATE INDEX exports_open ON exports (export_id) WHERE status IN ('queued', 'running');

-- Who changed what: a row for each change, written by its transaction. Its id says when that was, so that the trail is read
-- and let go in the order of its key. Nothing refers to a workspace here: the row must cost a call as little as can be.
CREATE TABLE audit (
    workspace_no integer NOT NULL,
    entry_id     uuid NOT NULL,
    at           timestamptz NOT NULL,
    actor        text NOT NULL CHECK (actor IN ('api_key', 'attempt', 'operator')),
    key_id       uuid,
    last_four    text,
    operation    text NOT NULL,
    kind         text NOT NULL,
    thing_id     text, -- null: of the kind, a workspace has one
    before       jsonb,
    after        jsonb,
    request_id   text,
    PRIMARY KEY (workspace_no, entry_id)
);

-- How many requests each API key of a workspace may make in a minute; null for what the installation has.
ALTER TABLE workspaces ADD COLUMN requests_per_min integer CHECK (requests_per_min > 0);

-- How many requests of a key's present minute servers have reserved, and how many the last one of them did.
CREATE TABLE request_windows (
    workspace_no integer NOT NULL,
    key_id       uuid NOT NULL,
    window_no    bigint NOT NULL,
    taken        integer NOT NULL CHECK (taken >= 0),
    reserved     integer NOT NULL CHECK (reserved >= 0),
    PRIMARY KEY (workspace_no, key_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    vacuum_truncate = false); -- as for limits

-- What was asked to be erased. The number is here only for as long as a call to it is up; the calls tell each server
-- which of its recordings go.
CREATE TABLE erasures (
    workspace_no integer NOT NULL REFERENCES workspaces,
    erasure_id   uuid NOT NULL,
    number       text,
    entry_id     uuid, -- on the do-not-call list for as long as it takes; null where it stays there, or was there before
    calls        uuid[] NOT NULL DEFAULT '{}', -- of which everything that tells of the person is gone
    asked_at     timestamptz NOT NULL,
    asked_by     uuid NOT NULL, -- the API key
    done_at      timestamptz,
    PRIMARY KEY (workspace_no, erasure_id),
    CHECK (done_at IS NULL OR number IS NULL)
);
CREATE INDEX erasures_open ON erasures (workspace_no, erasure_id) WHERE done_at IS NULL;
CREATE INDEX erasures_done ON erasures (done_at) WHERE done_at IS NOT NULL;
