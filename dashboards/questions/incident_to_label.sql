-- The example calls of an incident that a person has not answered about yet, the latest first.
-- Parameters: version (String: the incident's id), reviewer (String), how_many (UInt32).
-- Columns: service, trace_id, span_id, timestamp (of the call), input_messages, output, output_messages, reason.
WITH examples AS (
    SELECT arrayJoin(JSONExtract(told, 'examples', 'Array(Tuple(trace_id String, span_id String))')) AS example
    FROM (
        SELECT argMax(details, timestamp) AS told FROM incidents
        WHERE incident_id = {version:String} AND event IN ('opened', 'grown', 'reopened'))
)
SELECT service, trace_id, span_id, timestamp, input_messages, calls.output AS output, output_messages, 'incident' AS reason
FROM calls FINAL
WHERE trace_id IN (SELECT example.1 FROM examples) AND (trace_id, span_id) IN (SELECT example.1, example.2 FROM examples)
  AND (trace_id, span_id) NOT IN (
      SELECT trace_id, span_id FROM scores FINAL
      WHERE name = 'review' AND source = 'human' AND target = 'call' AND author = {reviewer:String} AND label != 'withdrawn')
ORDER BY timestamp DESC
LIMIT {how_many:UInt32}
