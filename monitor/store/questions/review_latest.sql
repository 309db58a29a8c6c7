-- A person's latest answer in the review queue of a service that has not been taken back.
-- Parameters: service, reviewer. Columns: those of monitor.records.ScoreRow.
SELECT
    timestamp, score_id, target, trace_id, span_id, session_id, service, name, source, value, label, explanation,
    expected, author, observed_at, sampling_probability, cost_usd, details
FROM scores FINAL
WHERE service = {service:String} AND name = 'review' AND source = 'human' AND target = 'call'
    AND author = {reviewer:String} AND label != 'withdrawn'
ORDER BY observed_at DESC, score_id DESC
LIMIT 1
