-- Calls of a window that somebody or an outcome called wrong and gave the right answer for.
-- Parameters: service, since, until (of the call). Column: the count.
SELECT uniqExact(trace_id)
FROM scores FINAL
WHERE service = {service:String} AND target = 'call' AND source IN ('human', 'outcome') AND value <= 0 AND expected != ''
  AND trace_id IN (
      SELECT trace_id FROM calls
      WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)})
