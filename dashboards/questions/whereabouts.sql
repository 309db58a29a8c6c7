-- Which trace an id that a person typed is, or belongs to: a trace's own, or a session's newest. The indexes on both find it.
-- Parameters: id (String).
-- Columns: trace_id, kind (trace, session).
SELECT trace_id, kind
FROM (
    SELECT trace_id, 'trace' AS kind, timestamp FROM calls WHERE trace_id = {id:String}
    UNION ALL
    SELECT trace_id, 'trace' AS kind, timestamp FROM steps WHERE trace_id = {id:String}
    UNION ALL
    SELECT trace_id, 'session' AS kind, timestamp FROM calls WHERE session_id = {id:String}
)
ORDER BY kind = 'trace' DESC, timestamp DESC
LIMIT 1
