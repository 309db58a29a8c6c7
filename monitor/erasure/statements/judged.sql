-- Samples under whose keys the judging journal may keep verdicts on the subject. To be asked before the rows go.
-- Parameters: request. Columns: key (`trace:span`, `:sample` where a sample belongs to no trace).
WITH
(SELECT groupUniqArray(id) FROM erasing WHERE request = {request:String} AND kind = 'trace') AS traces,
(SELECT groupUniqArray(id) FROM erasing WHERE request = {request:String} AND kind = 'span') AS spans,
(SELECT groupUniqArray(id) FROM erasing WHERE request = {request:String} AND kind = 'session') AS sessions
SELECT DISTINCT concat(trace_id, ':', span_id) AS key
FROM (
    SELECT trace_id, span_id, session_id FROM calls
    UNION ALL
    SELECT trace_id, span_id, session_id FROM scores
    UNION ALL
    SELECT trace_id, span_id, '' FROM draws
    UNION ALL
    SELECT trace_id, span_id, session_id FROM anchors
    UNION ALL
    SELECT trace_id, span_id, '' FROM datasets
    UNION ALL
    SELECT trace_id, if(trace_id = '', sample_id, span_id), session_id FROM evaluations
)
WHERE has(traces, trace_id) OR has(spans, concat(trace_id, '/', span_id)) OR has(sessions, session_id)
ORDER BY key
SETTINGS log_queries = 0
