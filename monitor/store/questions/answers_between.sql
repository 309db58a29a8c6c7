-- A service's answers in a window, in order of time, for the watches of their fields: every call, or one in `stride` by
-- a hash of its id, of one release or of all ('*'). Parameters: service, release, since, until, stride.
-- Columns: those of monitor.jobs.structured.Answer.
SELECT timestamp, trace_id, span_id, session_id, service, release, status, input, output, tool_calls
FROM calls FINAL
WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
  AND ({release:String} = '*' OR release = {release:String}) AND cityHash64(trace_id, span_id) % {stride:UInt32} = 0
ORDER BY timestamp, span_id
