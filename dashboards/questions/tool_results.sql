-- The messages of later calls of a trace that may tell what tools answered, the next calls first.
-- Parameters: trace_id (String), after (DateTime64(6)), longest (UInt32, of one call's messages), how_many (UInt32).
-- Columns: input_messages.
SELECT input_messages
FROM calls FINAL
WHERE trace_id = {trace_id:String} AND timestamp > {after:DateTime64(6, 'UTC')}
  AND length(input_messages) <= {longest:UInt32} AND position(input_messages, 'tool_call_response') > 0
ORDER BY timestamp, span_id
LIMIT {how_many:UInt32}
