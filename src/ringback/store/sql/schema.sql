-- The schema of this release, whole. A database gets here by the files in migrations/, and a test holds both equal.
--
-- Tenant tables lead with workspace_no, so that the schema distributes by workspace. Times come from the caller:
-- no default and no statement reads the server's clock. What is in flight is derived, never counted on the side:
-- it is the attempts that have no end yet.

CREATE TABLE schema_migrations (
    version       integer PRIMARY KEY,
    name          text NOT NULL,
    applied_at    timestamptz NOT NULL,
    -- when what the release before needed was taken away; null where that is still to come, or there is nothing to take
    contracted_at timestamptz
);

CREATE TABLE workspaces (
    workspace_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id uuid NOT NULL UNIQUE,
    name         text NOT NULL,
    created_at   timestamptz NOT NULL,
    retain_days  integer CHECK (retain_days > 0),
    retain       text NOT NULL DEFAULT 'delete' CHECK (retain IN ('delete', 'anonymise')),
    rule_packs   text[] NOT NULL DEFAULT '{}', -- names, each with its version behind an @ or without
    purpose      text CHECK (purpose IN ('marketing', 'collections', 'survey', 'service')), -- of the calls
    -- Goes up with every change of the do-not-call list. Whoever claims holds it, and whoever adds an entry waits for that.
    list_version bigint NOT NULL DEFAULT 0,
    -- How often a number and a lead may be dialled, whatever the campaign; null is no rule.
    contact_rules jsonb,
    -- For how long dials and conversations are remembered in contacts, in seconds; null where they are not counted.
    contact_span_sec integer CHECK (contact_span_sec > 0),
    timezone     text, -- of leads of whom neither the file nor the number tells one
    currency     text CHECK (currency ~ '^[A-Z]{3}$'), -- of all its budgets and rate decks, null until it has one
    -- Whether it ever had a budget: claims hold this row, and look at budgets only then.
    budgeted     boolean NOT NULL DEFAULT false,
    -- Whom to ask before each dial: url, timeout_sec and the sealed secret; null for nobody.
    pre_dial_check jsonb,
    -- How many requests each of its API keys may make in a minute; null for what the installation has.
    requests_per_min integer CHECK (requests_per_min > 0)
);

CREATE TABLE api_keys (
    workspace_no integer NOT NULL REFERENCES workspaces,
    key_id       uuid NOT NULL UNIQUE,
    name         text NOT NULL,
    secret_hash  bytea NOT NULL,
    last_four    text NOT NULL,
    scopes       text[] NOT NULL,
    live         boolean NOT NULL,
    created_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    expires_at   timestamptz, -- null: never
    networks     text[], -- from which it is taken; null: from everywhere
    last_used_at timestamptz, -- written now and then, for many keys at a time
    replaced_by  uuid, -- the key that took its place when it was rotated
    PRIMARY KEY (workspace_no, key_id)
);

CREATE TABLE agents (
    workspace_no integer NOT NULL REFERENCES workspaces,
    agent_id     uuid NOT NULL,
    name         text NOT NULL,
    kind         text NOT NULL,
    settings     jsonb NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace_no, agent_id)
);

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

CREATE TABLE trunks (
    workspace_no       integer NOT NULL REFERENCES workspaces,
    trunk_no           integer GENERATED ALWAYS AS IDENTITY,
    trunk_id           uuid NOT NULL,
    name               text NOT NULL,
    kind               text NOT NULL,
    settings           jsonb NOT NULL,
    billing            jsonb NOT NULL,
    created_at         timestamptz NOT NULL,
    lost_call_hold_sec integer CHECK (lost_call_hold_sec >= 0),
    rate_deck_id       uuid, -- by which its calls are charged; null where `billing` says all
    down_node_no       integer, -- which node said that it takes no dials; null where none does
    PRIMARY KEY (workspace_no, trunk_no),
    UNIQUE (workspace_no, trunk_id)
);
-- Every node asks for these all the time, and there are next to none.
CREATE INDEX trunks_down ON trunks (workspace_no, trunk_no) WHERE down_node_no IS NOT NULL;

CREATE TABLE caller_numbers (
    workspace_no integer NOT NULL REFERENCES workspaces,
    caller_no    integer GENERATED ALWAYS AS IDENTITY,
    caller_id    uuid NOT NULL,
    number       text NOT NULL,
    created_at   timestamptz NOT NULL,
    deleted_at   timestamptz, -- calls that wait or are up name it still: the row stays, without a cap
    PRIMARY KEY (workspace_no, caller_no),
    UNIQUE (workspace_no, number),
    UNIQUE (workspace_no, caller_id)
);

-- Caller numbers that stand in for one another. With max_dials each of them rests after so many dials in a span.
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
    vacuum_truncate = false); -- as for limits, below
CREATE INDEX caller_pool_numbers_pool ON caller_pool_numbers (workspace_no, pool_no);

CREATE TABLE campaigns (
    workspace_no     integer NOT NULL REFERENCES workspaces,
    campaign_no      integer GENERATED ALWAYS AS IDENTITY,
    campaign_id      uuid NOT NULL,
    name             text NOT NULL,
    agent_id         uuid,
    trunk_no         integer NOT NULL,
    from_number      text,
    status           text NOT NULL
        CHECK (status IN ('draft', 'running', 'paused', 'completed', 'cancelled')),
    retry            jsonb NOT NULL,
    policy_version   integer NOT NULL DEFAULT 1,
    window_start_min smallint NOT NULL CHECK (window_start_min >= 0),
    window_end_min   smallint NOT NULL CHECK (window_end_min <= 1440),
    starts_at        timestamptz,
    ends_at          timestamptz,
    created_at       timestamptz NOT NULL,
    started_at       timestamptz,
    finished_at      timestamptz,
    weight           smallint NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 100),
    retry_share      real NOT NULL DEFAULT 0.5 CHECK (retry_share BETWEEN 0 AND 1),
    hang_up          boolean NOT NULL DEFAULT false,
    -- its trunks as [[trunk_no, priority, weight], ...], the preferred first, which is trunk_no; null for trunk_no alone
    ways             jsonb,
    -- the trunks of whose lanes there may be dials of it: those that it has and those that it had, if ever several
    lane_trunks      integer[] NOT NULL DEFAULT '{}',
    rule_packs       text[] NOT NULL DEFAULT '{}', -- besides those of the workspace
    purpose          text CHECK (purpose IN ('marketing', 'collections', 'survey', 'service')),
    calling_window   jsonb, -- the hours in their written form; null where window_start_min and window_end_min say all
    requires_consent boolean NOT NULL DEFAULT false, -- nobody is dialled who has not agreed
    caller_pool_no   integer, -- of which pool its numbers are; a from_number goes before it
    PRIMARY KEY (workspace_no, campaign_no),
    UNIQUE (workspace_no, campaign_id),
    FOREIGN KEY (workspace_no, trunk_no) REFERENCES trunks,
    FOREIGN KEY (workspace_no, agent_id) REFERENCES agents,
    CHECK (window_start_min < window_end_min),
    CHECK ((finished_at IS NOT NULL) = (status IN ('completed', 'cancelled')))
);
-- Due lanes and the finish duty look only at these.
CREATE INDEX campaigns_running ON campaigns (workspace_no, campaign_no) WHERE status = 'running';
-- Every node asks for these all the time: of a table of wide rows that is still small the planner would walk over more.
CREATE INDEX campaigns_hang_up ON campaigns (workspace_no, campaign_no) WHERE hang_up;

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

-- A limit that has no row allows nothing; a cap that is null is no cap.
CREATE TABLE limits (
    workspace_no         integer NOT NULL REFERENCES workspaces,
    kind                 text NOT NULL CHECK (kind IN ('workspace', 'campaign', 'trunk', 'caller')),
    ref_no               integer NOT NULL,
    max_concurrent_calls integer CHECK (max_concurrent_calls >= 0),
    dials_per_sec        double precision CHECK (dials_per_sec > 0),
    dials_freed_at       timestamptz,
    PRIMARY KEY (workspace_no, kind, ref_no)
-- Few rows, written all the time, read by every claim or settlement. Room in the page keeps their versions there; what
-- an old snapshot made them spill over is cleared by number, since a share of few rows is next to nothing and would
-- start a vacuum in every round; and nobody is locked out to give a page back.
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    vacuum_truncate = false);

-- What each node may use of each limit. The sums never exceed the cap, so a node spends its own without asking.
CREATE TABLE grants (
    workspace_no integer NOT NULL,
    kind         text NOT NULL,
    ref_no       integer NOT NULL,
    node_no      integer NOT NULL,
    calls        integer NOT NULL CHECK (calls >= 0),
    dials        integer NOT NULL CHECK (dials >= 0),
    wants_calls  boolean NOT NULL,
    wants_dials  boolean NOT NULL,
    PRIMARY KEY (workspace_no, kind, ref_no, node_no)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    vacuum_truncate = false); -- as for limits
CREATE INDEX grants_by_node ON grants (node_no);

-- The same few hundred sets of time zones serve millions of numbers; no tenant's data.
CREATE TABLE zone_sets (
    zone_set_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    zones       text[] NOT NULL UNIQUE
);

-- A campaign's lead is its call: one row, two ids shown. campaign_no 0 is a single call.
-- Only the final state is stored; see domain/call.py for how the others are read.
CREATE TABLE calls (
    workspace_no integer NOT NULL, -- no foreign key here: it would be looked up for each of a million leads
    call_id      uuid NOT NULL,
    campaign_no  integer NOT NULL,
    trunk_no     integer NOT NULL,
    agent_id     uuid,
    to_number    text NOT NULL,
    from_number  text,
    name         text,
    zone_set_no  integer NOT NULL,
    variables    jsonb,
    retry        jsonb,
    created_at   timestamptz NOT NULL,
    final_status text CHECK (final_status IN ('completed', 'no-answer', 'busy', 'failed', 'cancelled', 'expired')),
    final_reason text
        CHECK (final_reason IN ('reached', 'attempts_exhausted', 'not_retryable', 'expired', 'cancelled', 'opted_out',
                                'too_costly')),
    finished_at  timestamptz,
    -- of a single call whose policy is a version of a named one
    retry_policy_id      uuid,
    retry_policy_version integer,
    calling_window jsonb, -- the hours of a single call, null for any
    region       text, -- the part of a country where the lead is, as its row gave it
    zone_source  text CHECK (zone_source IN ('lead', 'number', 'workspace', 'none')), -- null for what is older
    consent_at   timestamptz, -- when who is called agreed to it, null where nobody knows
    consent_expires_at timestamptz, -- no dial from then on, null for no end
    caller_pool_no integer, -- of a single call
    debt_id      text, -- what its owner calls the debt that it is about, null for none
    CHECK ((final_status IS NULL) = (finished_at IS NULL)),
    CHECK ((final_status IS NULL) = (final_reason IS NULL)),
    CHECK ((campaign_no = 0) = (retry IS NOT NULL))
) WITH (fillfactor = 75); -- room in the page for the one update that a call gets, its end: 98 % of them stay there
-- A number is a lead of a campaign once.
CREATE UNIQUE INDEX calls_lead ON calls (workspace_no, campaign_no, to_number) WHERE campaign_no > 0;
CREATE INDEX calls_by_campaign ON calls (workspace_no, campaign_no, call_id);
-- To find the single calls to a number that is put on the do-not-call list.
CREATE INDEX calls_single ON calls (workspace_no, to_number) WHERE campaign_no = 0;
-- Made last: among indexes of the same cost, as they are on a table that is still small, the planner takes the newest.
ALTER TABLE calls ADD PRIMARY KEY (workspace_no, call_id);

-- What waits for a dial, and nothing else about it. A campaign's rows have trunk_no 0, for the campaign names its trunks,
-- but for those that must go over one of them: another has just refused the call.
-- caller_no is that of a single call whose caller number has a limit of its own, or its caller pool's below 0; a
-- campaign's rows have 0.
CREATE TABLE queue (
    workspace_no integer NOT NULL,
    call_id      uuid NOT NULL,
    campaign_no  integer NOT NULL,
    trunk_no     integer NOT NULL,
    attempt      smallint NOT NULL CHECK (attempt BETWEEN 1 AND 20),
    due_at       timestamptz NOT NULL,
    caller_no    integer NOT NULL DEFAULT 0,
    CHECK (campaign_no <> 0 OR trunk_no <> 0)
-- Rows live once: keep the index short. The queue empties and fills again: giving its pages back would lock every claim
-- out for a moment, to no end. Nor do its rows stay long enough for a vacuum that only notes, after an import, that all
-- of them can be seen.
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = false,
    autovacuum_vacuum_insert_threshold = -1);
-- First dials and redials wait apart, so that neither hides the other.
CREATE INDEX queue_lanes ON queue (workspace_no, campaign_no, trunk_no, caller_no, (attempt > 1), due_at);
ALTER TABLE queue ADD PRIMARY KEY (workspace_no, call_id); -- last, as for calls

CREATE TABLE nodes (
    node_no        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text NOT NULL,
    version        text NOT NULL,
    started_at     timestamptz NOT NULL,
    heartbeat_at   timestamptz NOT NULL,
    lease_until    timestamptz NOT NULL,
    schema_version integer NOT NULL DEFAULT 1,
    ended_at       timestamptz,
    explained_at   timestamptz,
    live_calls     integer NOT NULL DEFAULT 0,
    dials_per_sec  real NOT NULL DEFAULT 0,
    draining_since timestamptz
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    vacuum_truncate = false); -- as for limits
-- The nodes that live, and those that left something to explain; the others are only history.
CREATE INDEX nodes_open ON nodes (node_no) WHERE explained_at IS NULL;

-- The APIs that answer: for `ringback nodes`, and because an old one needs the old schema as a node does.
CREATE TABLE api_servers (
    server_no      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text NOT NULL,
    version        text NOT NULL,
    schema_version integer NOT NULL,
    started_at     timestamptz NOT NULL,
    heartbeat_at   timestamptz NOT NULL,
    lease_until    timestamptz NOT NULL
) WITH (fillfactor = 50, vacuum_truncate = false);

-- One dial. The row is the intent, committed before the trunk hears of it. Its key makes a second dial with the same
-- number unrecordable.
CREATE TABLE attempts (
    workspace_no   integer NOT NULL,
    call_id        uuid NOT NULL,
    attempt        smallint NOT NULL CHECK (attempt BETWEEN 1 AND 20),
    attempt_id     uuid NOT NULL,
    campaign_no    integer NOT NULL,
    trunk_no       integer NOT NULL,
    node_no        integer NOT NULL,
    policy_version integer NOT NULL,
    from_number    text,
    status         text NOT NULL
        CHECK (status IN ('initiated', 'ringing', 'in-progress', 'completed', 'no-answer', 'busy', 'failed')),
    intent_at      timestamptz NOT NULL,
    called_at      timestamptz,
    answered_at    timestamptz,
    ended_at       timestamptz,
    end_reason     text,
    duration_sec   integer NOT NULL DEFAULT 0 CHECK (duration_sec >= 0),
    ring_sec       integer NOT NULL DEFAULT 0 CHECK (ring_sec >= 0),
    answered_by    text CHECK (answered_by IN ('human', 'machine', 'unknown')),
    sip_code       smallint,
    billed_sec     integer NOT NULL DEFAULT 0,
    cost_micros    bigint NOT NULL DEFAULT 0,
    currency       text,
    retry_at       timestamptz,
    retry_rule     text,
    stop_reason    text,
    caller_no      integer NOT NULL DEFAULT 0,
    held_until     timestamptz,
    details        jsonb, -- what else the signalling and the agent told; null where nothing did
    ledger_salt    uuid, -- what hides its numbers in the ledger; null until it is over, and once they are gone
    retry_trunk_no integer, -- over which trunk the next dial must go, since this one refused it; null where that is open
    unchecked      boolean NOT NULL DEFAULT false, -- whom its workspace has asked has not allowed it: no trunk was asked
    PRIMARY KEY (workspace_no, call_id, attempt),
    CHECK ((ended_at IS NULL) = (status IN ('initiated', 'ringing', 'in-progress'))),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CHECK ((retry_at IS NULL) = (retry_rule IS NULL)),
    CHECK ((ended_at IS NULL) = (retry_at IS NULL AND stop_reason IS NULL))
-- Room in the page for two of three updates. An attempt's end leaves a dead entry in attempts_live: the larger the
-- table, the longer a share of it would take.
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
-- The truth of what is in flight: for caps, for rescue, for the state of a call.
CREATE INDEX attempts_live ON attempts (workspace_no, campaign_no, trunk_no, node_no) WHERE ended_at IS NULL;
-- Attempts of which nobody knows how they ended: the slot is held for as long as the call may still be up.
CREATE INDEX attempts_held ON attempts (node_no, held_until) WHERE held_until IS NOT NULL;
-- For analytics, which read a span of days of them: attempts lie in the order in which they were made, so that it is
-- enough to know of each 32 pages from when to when, and who dials need not add to another tree for each attempt.
CREATE INDEX attempts_made ON attempts USING brin (intent_at) WITH (pages_per_range = 32, autosummarize = on);

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

-- When each number was dialled lately and when somebody last talked there, in workspaces that have contact rules, or rule
-- packs with clauses of that kind.
CREATE TABLE contacts (
    workspace_no integer NOT NULL, -- no foreign key, as for calls
    to_number    text NOT NULL, -- or `debt:` and what a debt is called: the same of the calls about it
    dials        timestamptz[] NOT NULL DEFAULT '{}',
    talked_at    timestamptz,
    PRIMARY KEY (workspace_no, to_number)
) WITH (fillfactor = 60); -- room in the page for the next dial

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

-- Sums of ended attempts, added to by the statement that ends them, so that progress costs the same at any size.
CREATE TABLE tallies (
    workspace_no  integer NOT NULL,
    campaign_no   integer NOT NULL,
    day           date NOT NULL, -- of called_at, in UTC
    attempt       smallint NOT NULL,
    end_reason    text NOT NULL,
    currency      text NOT NULL,
    status        text NOT NULL,
    attempts      bigint NOT NULL,
    connected_sec bigint NOT NULL,
    billed_sec    bigint NOT NULL,
    cost_micros   bigint NOT NULL,
    PRIMARY KEY (workspace_no, campaign_no, day, attempt, end_reason, currency)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 500,
    vacuum_truncate = false); -- a few rows, updated with every batch: leave room to do it in the page

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
