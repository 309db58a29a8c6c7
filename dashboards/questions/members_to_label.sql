-- Members of a dataset version that a person has not answered about yet: those without a label first, in a random order
-- that stays. Parameters: version, reviewer (String), how_many (UInt32).
-- Columns: service, trace_id, span_id, timestamp (of the call), input_messages, output, output_messages, reason.
SELECT service, trace_id, span_id, call_timestamp AS timestamp, input_messages, output, output_messages, reason
FROM datasets FINAL
WHERE dataset_version = {version:String} AND split != 'import' AND trace_id != ''
  AND (trace_id, span_id) NOT IN (
      SELECT trace_id, span_id FROM scores FINAL
      WHERE name = 'review' AND source = 'human' AND target = 'call' AND author = {reviewer:String} AND label != 'withdrawn')
ORDER BY label != '', cityHash64(trace_id, span_id)
LIMIT {how_many:UInt32}
