-- Many nodes on one database. This part only adds, so that a node of the release before goes on beside the new ones;
-- what it needs and we do not goes by 0002_scale.contract.sql, once no such node is left.

-- All at once and first: between two of them a settlement of the old node could wait for us, and we for it.
LOCK TABLE schema_migrations, workspaces, trunks, campaigns, limits, queue, nodes, attempts IN ACCESS EXCLUSIVE MODE;
-- Of these only options are set, which keeps autovacuum out and nobody else: were it met at the end, all that had been
-- done by then would be undone.
LOCK TABLE calls, tallies IN SHARE UPDATE EXCLUSIVE MODE;

-- When what the release before needed was taken away; null where that is still to come, or there is nothing to take.
ALTER TABLE schema_migrations ADD COLUMN contracted_at timestamptz;

ALTER TABLE workspaces
    ADD COLUMN retain_days integer CHECK (retain_days > 0),
    ADD COLUMN retain text NOT NULL DEFAULT 'delete' CHECK (retain IN ('delete', 'anonymise'));

ALTER TABLE trunks ADD COLUMN lost_call_hold_sec integer CHECK (lost_call_hold_sec >= 0);

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

ALTER TABLE campaigns
    ADD COLUMN weight smallint NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 100),
    ADD COLUMN retry_share real NOT NULL DEFAULT 0.5 CHECK (retry_share BETWEEN 0 AND 1),
    ADD COLUMN hang_up boolean NOT NULL DEFAULT false;

ALTER TABLE limits DROP CONSTRAINT limits_kind_check;
ALTER TABLE limits
    ADD CONSTRAINT limits_kind_check CHECK (kind IN ('workspace', 'campaign', 'trunk', 'caller')),
    ADD COLUMN dials_freed_at timestamptz;

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
) WITH (fillfactor = 50); -- few rows, written a few times a second at most: leave room to do it in the page
CREATE INDEX grants_by_node ON grants (node_no);

-- caller_no is that of a single call whose caller number has a limit of its own; a campaign's rows have 0.
ALTER TABLE queue ADD COLUMN caller_no integer NOT NULL DEFAULT 0;
-- First dials and redials wait apart, so that neither hides the other.
CREATE INDEX queue_lanes ON queue (workspace_no, campaign_no, trunk_no, caller_no, (attempt > 1), due_at);
-- Made anew: among indexes of the same cost, as they are on a table that is still small, the planner takes the newest.
ALTER TABLE queue DROP CONSTRAINT queue_pkey, ADD PRIMARY KEY (workspace_no, call_id);

ALTER TABLE nodes
    ADD COLUMN schema_version integer NOT NULL DEFAULT 1,
    ADD COLUMN ended_at timestamptz,
    ADD COLUMN explained_at timestamptz,
    ADD COLUMN live_calls integer NOT NULL DEFAULT 0,
    ADD COLUMN dials_per_sec real NOT NULL DEFAULT 0,
    ADD COLUMN draining_since timestamptz;
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
);

ALTER TABLE attempts
    ADD COLUMN caller_no integer NOT NULL DEFAULT 0,
    ADD COLUMN held_until timestamptz;
-- Attempts of which nobody knows how they ended: the slot is held for as long as the call may still be up.
CREATE INDEX attempts_held ON attempts (node_no, held_until) WHERE held_until IS NOT NULL;

-- How the hot tables are kept. Measured on 20,000 attempts, 600 of them live at a time, 2.3 updates each (ringing,
-- answered, ended) in batches of 100, vacuumed every 5,000: with pages filled to 70 % instead of 100 %, 41 % of the
-- updates stay in their page (4 %), the log of writes is 27 % shorter, the index of what is live a third smaller, and
-- the table 13 % larger. At 50 % it is half as large again, for no more than another 12 % of the log.
-- An attempt's end leaves a dead entry in attempts_live: the larger the table, the longer a share of it would take.
ALTER TABLE attempts SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
-- A call is updated once, at its end. With pages filled to 75 %, 98 % of these updates stay in their page (85 %: 89 %),
-- and the table is as large in the end, for it takes no second page to hold what does not fit.
ALTER TABLE calls SET (fillfactor = 75);
-- The queue empties and fills again: giving its pages back would lock every claim out for a moment, to no end. Nor do
-- its rows stay long enough for a vacuum that only notes, after an import, that all of them can be seen.
ALTER TABLE queue SET (vacuum_truncate = false, autovacuum_vacuum_insert_threshold = -1);
-- Few rows, written all the time, read by every claim or settlement. Room in the page keeps their versions there; what
-- an old snapshot made them spill over is cleared by number, since a share of few rows is next to nothing and would
-- start a vacuum in every round; and nobody is locked out to give a page back.
ALTER TABLE limits SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    vacuum_truncate = false);
ALTER TABLE grants SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, vacuum_truncate = false);
ALTER TABLE nodes SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    vacuum_truncate = false);
ALTER TABLE api_servers SET (fillfactor = 50, vacuum_truncate = false);
ALTER TABLE tallies SET (autovacuum_vacuum_threshold = 500, vacuum_truncate = false);
