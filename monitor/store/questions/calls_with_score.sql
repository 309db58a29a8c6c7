-- Calls of a window that a rate series looked at: those with a score of that source and name. Parameters: service,
-- series (`source/name`), since, until (of the call), of (every `of`-th trace). Columns: trace_id, span_id.
SELECT DISTINCT trace_id, span_id
FROM scores
WHERE service = {service:String} AND concat(source, '/', name) = {series:String} AND target = 'call'
  AND cityHash64(trace_id) % {of:UInt32} = 0
  AND (trace_id, span_id) IN (
      SELECT trace_id, span_id FROM calls
      WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)})
