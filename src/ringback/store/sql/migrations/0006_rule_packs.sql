-- Rule packs. This part only adds, and there is no other: a node of the release before dials without them, so nobody may
-- choose any while one lives.

-- Both at once and first: whoever makes a campaign, or reads one for a claim, is waited for.
LOCK TABLE workspaces, campaigns IN ACCESS EXCLUSIVE MODE;

-- The names of packs, each with its version behind an @ or without: for all dials of the workspace, and for those of a
-- campaign besides. What the calls are for, null where nobody has said.
ALTER TABLE workspaces
    ADD COLUMN rule_packs text[] NOT NULL DEFAULT '{}',
    ADD COLUMN purpose text CHECK (purpose IN ('marketing', 'collections', 'survey', 'service'));
ALTER TABLE campaigns
    ADD COLUMN rule_packs text[] NOT NULL DEFAULT '{}',
    ADD COLUMN purpose text CHECK (purpose IN ('marketing', 'collections', 'survey', 'service'));
