-- name: keep_tokens
-- By which token the agent of each of these attempts may report. An attempt that is not as we know it is passed over: it
-- was taken back, and may have been dialled anew by another node, with a token of its own.
INSERT INTO agent_reports AS r (workspace_no, call_id, attempt, token_hash)
SELECT w.workspace_no, w.call_id, w.attempt, w.token_hash
FROM unnest($1::integer[], $2::uuid[], $3::smallint[], $4::uuid[], $5::bytea[])
    AS w (workspace_no, call_id, attempt, attempt_id, token_hash)
CROSS JOIN LATERAL (
    SELECT 1 FROM attempts a
    WHERE a.workspace_no = w.workspace_no AND a.call_id = w.call_id AND a.attempt = w.attempt
      AND a.attempt_id = w.attempt_id AND a.end_reason IS NULL
    OFFSET 0
) a
ON CONFLICT (workspace_no, call_id, attempt) DO UPDATE SET token_hash = excluded.token_hash;

-- name: drop_unused
-- Forget the tokens of attempts whose agents were never given them.
DELETE FROM agent_reports r
USING unnest($1::integer[], $2::uuid[], $3::smallint[]) AS w (workspace_no, call_id, attempt)
WHERE r.workspace_no = w.workspace_no AND r.call_id = w.call_id AND r.attempt = w.attempt
  AND r.transcript_at IS NULL AND r.analysis_at IS NULL;

-- name: token
-- The hash of an attempt's token, and when the attempt ended.
SELECT r.token_hash, a.ended_at FROM agent_reports r
JOIN attempts a ON a.workspace_no = r.workspace_no AND a.call_id = r.call_id AND a.attempt = r.attempt
WHERE r.workspace_no = $1 AND r.call_id = $2 AND r.attempt = $3 AND r.token_hash IS NOT NULL;

-- name: told_of
-- A call with one of its attempts, the last one where none is named, and the kind of its trunk. The call is kept from
-- being retired until what is told of it is written.
SELECT left(c.to_number, 9) = 'redacted:' AS is_bare, a.attempt, t.kind
FROM calls c
LEFT JOIN LATERAL (
    SELECT a.attempt, a.trunk_no FROM attempts a
    WHERE a.workspace_no = $1 AND a.call_id = $2 AND ($3::smallint IS NULL OR a.attempt = $3)
    ORDER BY a.attempt DESC LIMIT 1
) a ON true
LEFT JOIN trunks t ON t.workspace_no = $1 AND t.trunk_no = a.trunk_no
WHERE c.workspace_no = $1 AND c.call_id = $2
FOR KEY SHARE OF c;

-- name: keep_transcript
-- What was said in an attempt, in place of what was told before.
INSERT INTO agent_reports AS r (workspace_no, call_id, attempt, transcript, transcript_at)
VALUES ($1, $2, $3, $4::text::jsonb, $5)
ON CONFLICT (workspace_no, call_id, attempt) DO UPDATE
SET transcript = excluded.transcript, transcript_at = excluded.transcript_at;

-- name: keep_analysis
-- What is made of an attempt, in place of what was told before.
INSERT INTO agent_reports AS r (workspace_no, call_id, attempt, analysis, analysis_at)
VALUES ($1, $2, $3, $4::text::jsonb, $5)
ON CONFLICT (workspace_no, call_id, attempt) DO UPDATE
SET analysis = excluded.analysis, analysis_at = excluded.analysis_at;

-- name: first_transcript
-- What was said in an attempt, unless it was told before.
UPDATE agent_reports SET transcript = $4::text::jsonb, transcript_at = $5
WHERE workspace_no = $1 AND call_id = $2 AND attempt = $3 AND transcript_at IS NULL RETURNING attempt;

-- name: first_analysis
-- What is made of an attempt, unless it was told before.
UPDATE agent_reports SET analysis = $4::text::jsonb, analysis_at = $5
WHERE workspace_no = $1 AND call_id = $2 AND attempt = $3 AND analysis_at IS NULL RETURNING attempt;

-- name: reports
-- What was told of a call's attempts.
SELECT attempt, transcript::text AS transcript, analysis::text AS analysis FROM agent_reports
WHERE workspace_no = $1 AND call_id = $2 AND (transcript_at IS NOT NULL OR analysis_at IS NOT NULL)
ORDER BY attempt;
