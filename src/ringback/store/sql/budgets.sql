-- name: hold_budgets
-- What may be spent and what has been, held in the order of the keys given until the transaction ends: an attempt whose cost would use a
-- budget up ends after this claim, or this claim sees it.
SELECT b.* FROM unnest($1::integer[], $2::integer[]) AS k (workspace_no, campaign_no)
CROSS JOIN LATERAL (
    SELECT b.workspace_no, b.campaign_no, b.amount_micros, b.spent_micros FROM budgets b
    WHERE b.workspace_no = k.workspace_no AND b.campaign_no = k.campaign_no
    FOR SHARE
) b;

-- name: budget
-- A budget, that of the workspace where the campaign's number is 0.
SELECT amount_micros, spent_micros, currency, counted_from FROM budgets WHERE workspace_no = $1 AND campaign_no = $2;

-- name: hold_currency
-- The workspace's currency, which stays so until the transaction ends.
SELECT currency FROM workspaces WHERE workspace_no = $1 FOR SHARE;

-- name: hold_money
-- Hold the workspace's row: claims and other changes of money wait, or are waited for.
SELECT currency FROM workspaces WHERE workspace_no = $1 FOR UPDATE;

-- name: prices
-- In which currencies the trunks and the decks of a workspace charge something, each with one that does.
SELECT coalesce(t.billing ->> 'currency', 'USD') AS currency, min(t.name) AS name FROM trunks t
WHERE t.workspace_no = $1
  AND coalesce((t.billing ->> 'per_minute_micros')::bigint, 0) + coalesce((t.billing ->> 'connect_micros')::bigint, 0) > 0
GROUP BY 1
UNION
SELECT d.currency, min(d.name) FROM rate_decks d WHERE d.workspace_no = $1 GROUP BY 1
UNION
SELECT b.currency, 'a budget' FROM budgets b WHERE b.workspace_no = $1 AND b.amount_micros IS NOT NULL
ORDER BY 1, 2;

-- name: set_currency
-- The currency in which a workspace counts.
UPDATE workspaces SET currency = $2 WHERE workspace_no = $1;

-- name: change_amount
-- Give a budget that has a row another amount; null is none. Where it had none, the workspace's counts anew from $4 on.
UPDATE budgets SET
    spent_micros = CASE WHEN campaign_no = 0 AND amount_micros IS NULL THEN 0 ELSE spent_micros END,
    counted_from = CASE WHEN campaign_no = 0 AND amount_micros IS NULL THEN $4 ELSE counted_from END,
    amount_micros = $3
WHERE workspace_no = $1 AND campaign_no = $2 AND currency = $5
RETURNING campaign_no;

-- name: budgeted
-- From now on claims look at budgets.
UPDATE workspaces SET budgeted = true WHERE workspace_no = $1;

-- name: hold_ends
-- Wait for the attempts that are being ended, and have others wait: what they cost is counted before this or after it.
LOCK TABLE tallies IN SHARE MODE;

-- name: first_amount
-- A budget where none was until now, or one in another currency: that of a campaign has all that the campaign has cost,
-- that of the workspace begins.
INSERT INTO budgets (workspace_no, campaign_no, amount_micros, spent_micros, currency, counted_from)
SELECT $1, $2, $3, coalesce((
           SELECT sum(t.cost_micros) FROM tallies t
           WHERE t.workspace_no = $1 AND t.campaign_no = $2 AND $2 <> 0 AND t.currency = $4), 0),
       $4, CASE WHEN $2 = 0 THEN $5::timestamptz END
ON CONFLICT (workspace_no, campaign_no) DO UPDATE SET
    amount_micros = excluded.amount_micros, spent_micros = excluded.spent_micros, currency = excluded.currency,
    counted_from = excluded.counted_from;
