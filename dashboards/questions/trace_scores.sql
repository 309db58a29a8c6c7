-- Every verdict on one trace, on a call of it, or on its session; what fails first.
-- Parameters: trace_id, session_id (String; '' = no session).
-- Columns: those of dashboards.rows.Score.
SELECT
    timestamp, target, span_id, name, source, value, leftUTF8(scores.label, 200) AS label,
    leftUTF8(scores.explanation, 2000) AS explanation, leftUTF8(scores.expected, 20000) AS expected, author, observed_at
FROM scores FINAL
WHERE (trace_id = {trace_id:String})
   OR (target = 'session' AND {session_id:String} != '' AND session_id = {session_id:String})
ORDER BY value > 0, source, name, timestamp
LIMIT 1000
