-- Outcomes and feedback told about a trace or session, each with the last call of it before the outcome became
-- true, where that join is not in `scores` yet. Parameters: since, until (when they were told).
-- Columns: those of monitor.records.ScoreRow, ready to append.
SELECT
    told.timestamp AS timestamp, concat('joined:', told.score_id) AS score_id, 'call' AS target,
    argMax(call.trace_id, call.timestamp) AS trace_id, argMax(call.span_id, call.timestamp) AS span_id,
    any(call.session_id) AS session_id, any(call.service) AS service,
    told.name AS name, told.source AS source, told.value AS value, told.label AS label, told.explanation AS explanation,
    told.expected AS expected, told.author AS author, told.observed_at AS observed_at,
    told.sampling_probability AS sampling_probability, told.cost_usd AS cost_usd
FROM (
    SELECT *, if(target = 'session', session_id, trace_id) AS subject
    FROM scores FINAL
    WHERE source IN ('outcome', 'user') AND target IN ('trace', 'session')
      AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
      AND concat('joined:', score_id) NOT IN (SELECT score_id FROM scores WHERE source IN ('outcome', 'user') AND target = 'call')
) AS told
INNER JOIN (
    SELECT timestamp, trace_id, span_id, session_id, service, arrayJoin([trace_id, session_id]) AS subject
    FROM calls FINAL
    WHERE timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)} AND subject != ''
) AS call ON call.subject = told.subject
WHERE call.timestamp <= told.observed_at
GROUP BY told.timestamp, told.score_id, told.name, told.source, told.value, told.label, told.explanation, told.expected,
    told.author, told.observed_at, told.sampling_probability, told.cost_usd
ORDER BY timestamp, score_id
