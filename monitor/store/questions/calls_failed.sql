-- Calls of a window with a score that says they are wrong, whoever told it; finds of the watches of fields are hints and
-- left out. Parameters: service, since, until (of the call). Columns: trace_id, span_id.
SELECT DISTINCT trace_id, span_id
FROM scores FINAL
WHERE service = {service:String} AND target = 'call' AND value <= 0 AND value >= -1
  AND observed_at >= {since:DateTime64(9)} AND observed_at < {until:DateTime64(9)}
  AND name != 'rollover' AND NOT endsWith(name, '_slip')
