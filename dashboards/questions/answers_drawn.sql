-- A random sample, the same each time, of a service's answers in a stretch of time.
-- Parameters: service (String), since, until (DateTime64(9)), how_many (UInt32).
-- Columns: those of monitor.jobs.structured.Answer.
SELECT timestamp, trace_id, span_id, session_id, service, release, status, substringUTF8(input, 1, 4000) AS input,
    substringUTF8(output, 1, 20000) AS output, tool_calls
FROM calls FINAL
WHERE (timestamp, trace_id, span_id) IN (
    SELECT timestamp, trace_id, span_id FROM calls
    WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
    ORDER BY cityHash64(trace_id, span_id)
    LIMIT 1 BY trace_id, span_id
    LIMIT {how_many:UInt32})
  AND service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
ORDER BY timestamp
