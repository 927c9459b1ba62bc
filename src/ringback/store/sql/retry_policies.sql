-- name: create_policy
-- A named policy with its first version.
WITH made AS (
    INSERT INTO retry_policies (workspace_no, policy_id, name, created_at) VALUES ($1, $2, $3, $5)
    RETURNING workspace_no, policy_id, created_at
)
INSERT INTO retry_policy_versions (workspace_no, policy_id, version, retry, created_at)
SELECT workspace_no, policy_id, 1, $4::text::jsonb, created_at FROM made;

-- name: policy
-- One named policy with its newest version.
SELECT p.workspace_no, p.policy_id, p.name, p.created_at, v.version, v.retry, v.changed_at
FROM retry_policies p
CROSS JOIN LATERAL (
    SELECT v.version, v.retry::text AS retry, v.created_at AS changed_at FROM retry_policy_versions v
    WHERE v.workspace_no = p.workspace_no AND v.policy_id = p.policy_id
    ORDER BY v.version DESC LIMIT 1
) v
WHERE p.workspace_no = $1 AND p.policy_id = $2;

-- name: policies
-- A workspace's named policies with their newest versions, newest policy first.
SELECT p.policy_id, p.name, p.created_at, v.version, v.retry, v.changed_at
FROM retry_policies p
CROSS JOIN LATERAL (
    SELECT v.version, v.retry::text AS retry, v.created_at AS changed_at FROM retry_policy_versions v
    WHERE v.workspace_no = p.workspace_no AND v.policy_id = p.policy_id
    ORDER BY v.version DESC LIMIT 1
) v
WHERE p.workspace_no = $1 AND ($2::uuid IS NULL OR p.policy_id < $2)
ORDER BY p.policy_id DESC LIMIT $3 OFFSET $4;

-- name: count_policies
-- How many named policies a workspace has.
SELECT count(*) FROM retry_policies WHERE workspace_no = $1;

-- name: versions
-- All versions of a policy, oldest first.
SELECT version, retry::text AS retry, created_at FROM retry_policy_versions
WHERE workspace_no = $1 AND policy_id = $2 ORDER BY version;

-- name: pin
-- A version of a policy, the newest where none is named. It cannot be deleted before the transaction ends.
SELECT v.version, v.retry::text AS retry
FROM retry_policies p
JOIN retry_policy_versions v ON v.workspace_no = p.workspace_no AND v.policy_id = p.policy_id
WHERE p.workspace_no = $1 AND p.policy_id = $2 AND ($3::integer IS NULL OR v.version = $3)
ORDER BY v.version DESC LIMIT 1
FOR KEY SHARE OF p;

-- name: lock_policy
-- Hold a policy: who pins it, changes or deletes it waits, and what comes after this sees what they did.
SELECT policy_id FROM retry_policies WHERE workspace_no = $1 AND policy_id = $2 FOR UPDATE;

-- name: rename_policy
-- Give a policy another name.
UPDATE retry_policies SET name = $3 WHERE workspace_no = $1 AND policy_id = $2;

-- name: add_version
-- The next version of a policy that is held; nothing where it says the same as the newest one.
INSERT INTO retry_policy_versions (workspace_no, policy_id, version, retry, created_at)
SELECT v.workspace_no, v.policy_id, v.version + 1, $3::text::jsonb, $4
FROM (
    SELECT * FROM retry_policy_versions
    WHERE workspace_no = $1 AND policy_id = $2 ORDER BY version DESC LIMIT 1
) v
WHERE v.retry <> $3::text::jsonb;

-- name: pinned_by
-- Some of the campaigns that are not over and go by a version of this policy.
SELECT c.campaign_id FROM campaign_policies k
JOIN campaigns c ON c.workspace_no = k.workspace_no AND c.campaign_no = k.campaign_no
    AND c.policy_version = k.policy_version
WHERE k.workspace_no = $1 AND k.policy_id = $2 AND c.status NOT IN ('completed', 'cancelled')
ORDER BY c.campaign_no LIMIT 5;

-- name: delete_policy
-- Delete a policy that is held, with its versions; campaigns keep what was in force in them.
WITH versions AS (
    DELETE FROM retry_policy_versions WHERE workspace_no = $1 AND policy_id = $2
)
DELETE FROM retry_policies WHERE workspace_no = $1 AND policy_id = $2;

-- name: campaign_policies
-- What has been in force in a campaign, oldest first.
SELECT policy_version, retry::text AS retry, policy_id, pinned_version, created_at FROM campaign_policies
WHERE workspace_no = $1 AND campaign_no = $2 ORDER BY policy_version;

-- name: policies_of_call
-- Which named policy was in force for each attempt of a campaign's call; nothing for those that had none.
SELECT a.attempt, k.policy_id, k.pinned_version FROM attempts a
JOIN campaign_policies k ON k.workspace_no = a.workspace_no AND k.campaign_no = a.campaign_no
    AND k.policy_version = a.policy_version
WHERE a.workspace_no = $1 AND a.call_id = $2 AND k.policy_id IS NOT NULL;
