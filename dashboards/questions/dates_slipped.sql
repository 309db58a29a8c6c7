-- Calls whose date in one field slipped, as the temporal detectors marked them, the latest first.
-- Parameters: service, field (String), detectors (Array(String), the most telling first), since, until (DateTime64(9)), how_many (UInt32).
-- Columns: timestamp (of the call), trace_id, detector, value (the date that was written), why.
SELECT observed_at AS timestamp, trace_id, name AS detector, label AS value, explanation AS why
FROM scores FINAL
WHERE name IN {detectors:Array(String)} AND source = 'check' AND service = {service:String}
  AND observed_at >= {since:DateTime64(9)} AND observed_at < {until:DateTime64(9)}
  AND startsWith(score_id, concat(name, ':', {field:String}, ':'))
ORDER BY observed_at DESC, trace_id, indexOf({detectors:Array(String)}, name)
LIMIT 1 BY trace_id, value
LIMIT {how_many:UInt32}
