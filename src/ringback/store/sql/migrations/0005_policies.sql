-- Named retry policies. This part only adds: a node of the release before goes by the policy that is in each campaign and
-- each call, as this one does.

-- Both at once and first: a single call is not made meanwhile, nor a workspace changed.
LOCK TABLE calls IN ACCESS EXCLUSIVE MODE;
LOCK TABLE workspaces IN SHARE ROW EXCLUSIVE MODE;

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
