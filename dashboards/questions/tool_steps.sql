-- The steps of a trace in which tools ran after a time, and what they answered.
-- Parameters: trace_id (String), after (DateTime64(6)), longest, how_many (UInt32). Columns: name, output.
SELECT toString(name) AS name, leftUTF8(steps.output, {longest:UInt32}) AS output
FROM steps FINAL
WHERE trace_id = {trace_id:String} AND kind = 'tool' AND timestamp >= {after:DateTime64(6, 'UTC')}
ORDER BY timestamp, span_id
LIMIT {how_many:UInt32}
