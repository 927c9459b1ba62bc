-- What the foundation needs: workspaces, campaigns, calls, the queue, attempts and their sums.

-- Tenant tables lead with workspace_no, so that the schema distributes by workspace. Times come from the caller:
-- no default and no statement reads the server's clock. What is in flight is derived, never counted on the side:
-- it is the attempts that have no end yet.

CREATE TABLE schema_migrations (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    applied_at timestamptz NOT NULL
);

CREATE TABLE workspaces (
    workspace_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id uuid NOT NULL UNIQUE,
    name         text NOT NULL,
    created_at   timestamptz NOT NULL
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

CREATE TABLE trunks (
    workspace_no integer NOT NULL REFERENCES workspaces,
    trunk_no     integer GENERATED ALWAYS AS IDENTITY,
    trunk_id     uuid NOT NULL,
    name         text NOT NULL,
    kind         text NOT NULL,
    settings     jsonb NOT NULL,
    billing      jsonb NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace_no, trunk_no),
    UNIQUE (workspace_no, trunk_id)
);

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
    PRIMARY KEY (workspace_no, campaign_no),
    UNIQUE (workspace_no, campaign_id),
    FOREIGN KEY (workspace_no, trunk_no) REFERENCES trunks,
    FOREIGN KEY (workspace_no, agent_id) REFERENCES agents,
    CHECK (window_start_min < window_end_min),
    CHECK ((finished_at IS NOT NULL) = (status IN ('completed', 'cancelled')))
);
-- Due lanes and the finish duty look only at these.
CREATE INDEX campaigns_running ON campaigns (workspace_no, campaign_no) WHERE status = 'running';

-- A limit that has no row allows nothing; a cap that is null is no cap.
CREATE TABLE limits (
    workspace_no         integer NOT NULL REFERENCES workspaces,
    kind                 text NOT NULL CHECK (kind IN ('workspace', 'campaign', 'trunk')),
    ref_no               integer NOT NULL,
    max_concurrent_calls integer CHECK (max_concurrent_calls >= 0),
    dials_per_sec        double precision CHECK (dials_per_sec > 0),
    next_dial_at         timestamptz,
    PRIMARY KEY (workspace_no, kind, ref_no)
);

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
        CHECK (final_reason IN ('reached', 'attempts_exhausted', 'not_retryable', 'expired', 'cancelled', 'opted_out')),
    finished_at  timestamptz,
    CHECK ((final_status IS NULL) = (finished_at IS NULL)),
    CHECK ((final_status IS NULL) = (final_reason IS NULL)),
    CHECK ((campaign_no = 0) = (retry IS NOT NULL))
) WITH (fillfactor = 85); -- room in the page for the one update that a call gets, its end
-- A number is a lead of a campaign once.
CREATE UNIQUE INDEX calls_lead ON calls (workspace_no, campaign_no, to_number) WHERE campaign_no > 0;
CREATE INDEX calls_by_campaign ON calls (workspace_no, campaign_no, call_id);
-- Made last: among indexes of the same cost, as they are on a table that is still small, the planner takes the newest.
ALTER TABLE calls ADD PRIMARY KEY (workspace_no, call_id);

-- What waits for a dial, and nothing else about it. A campaign's rows have trunk_no 0: the campaign names its trunk.
CREATE TABLE queue (
    workspace_no integer NOT NULL,
    call_id      uuid NOT NULL,
    campaign_no  integer NOT NULL,
    trunk_no     integer NOT NULL,
    attempt      smallint NOT NULL CHECK (attempt BETWEEN 1 AND 20),
    due_at       timestamptz NOT NULL,
    CHECK ((campaign_no = 0) = (trunk_no <> 0))
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0); -- rows live once: keep the index short
CREATE INDEX queue_due ON queue (workspace_no, campaign_no, trunk_no, due_at);
ALTER TABLE queue ADD PRIMARY KEY (workspace_no, call_id); -- last, as for calls

CREATE TABLE nodes (
    node_no      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL,
    version      text NOT NULL,
    started_at   timestamptz NOT NULL,
    heartbeat_at timestamptz NOT NULL,
    lease_until  timestamptz NOT NULL
);

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
    PRIMARY KEY (workspace_no, call_id, attempt),
    CHECK ((ended_at IS NULL) = (status IN ('initiated', 'ringing', 'in-progress'))),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CHECK ((retry_at IS NULL) = (retry_rule IS NULL)),
    CHECK ((ended_at IS NULL) = (retry_at IS NULL AND stop_reason IS NULL))
);
-- The truth of what is in flight: for caps, for rescue, for the state of a call.
CREATE INDEX attempts_live ON attempts (workspace_no, campaign_no, trunk_no, node_no) WHERE ended_at IS NULL;

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
) WITH (fillfactor = 50); -- a few rows, updated with every batch: leave room to do it in the page
