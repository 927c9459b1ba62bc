-- Real calls. This part only adds, and there is no other: a node of the release before settles without `details`, which
-- stay null, and knows nothing of what agents play.

-- Both at once and first. A settlement of the old node holds attempts and no agents, and whoever makes a campaign reads
-- an agent's row, which this lock allows: only who changes agents waits.
LOCK TABLE attempts IN ACCESS EXCLUSIVE MODE;
LOCK TABLE agents IN SHARE ROW EXCLUSIVE MODE;

-- What else the signalling and the agent told of an attempt; null where nothing did, as for simulated calls. Neither a
-- row is written anew for it nor a page read, whatever the table holds.
ALTER TABLE attempts ADD COLUMN details jsonb;

-- For analytics, which read a span of days of them: attempts lie in the order in which they were made, so that it is
-- enough to know of each 32 pages from when to when, and who dials need not add to another tree for each attempt. The
-- table is read once for it: of ten million attempts in seconds.
CREATE INDEX attempts_made ON attempts USING brin (intent_at) WITH (pages_per_range = 32, autosummarize = on);

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
