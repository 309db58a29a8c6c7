-- Calls of a window on which a temporal detector flagged one output field, the latest first.
-- Parameters: service, field, since, until (of the call). Columns: timestamp, trace_id, span_id, value, why.
SELECT observed_at AS timestamp, trace_id, span_id, label AS value, explanation AS why
FROM scores FINAL
WHERE service = {service:String} AND source = 'check' AND (name = 'rollover' OR endsWith(name, '_slip'))
  AND observed_at >= {since:DateTime64(9)} AND observed_at < {until:DateTime64(9)}
  AND splitByChar(':', score_id)[2] = {field:String}
ORDER BY timestamp DESC, name DESC
