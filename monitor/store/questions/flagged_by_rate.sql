-- Calls of a window that failed one rate series (`source/name` of a score, or `call/error`), the latest first.
-- Parameters: service, series, since, until (of the call). Columns: timestamp, trace_id, span_id, value, why.
SELECT timestamp, trace_id, span_id, value, why
FROM (
    SELECT observed_at AS timestamp, trace_id, span_id, label AS value, explanation AS why
    FROM scores AS score FINAL
    WHERE service = {service:String} AND concat(source, '/', name) = {series:String} AND target = 'call' AND score.value <= 0
      AND (trace_id, span_id) IN (
          SELECT trace_id, span_id FROM calls
          WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)})
    UNION ALL
    SELECT timestamp, trace_id, span_id, error_type AS value, error_message AS why
    FROM calls FINAL
    WHERE {series:String} = 'call/error' AND service = {service:String} AND status = 'error'
      AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
)
ORDER BY timestamp DESC
