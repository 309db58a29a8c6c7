-- One LLM call of a trace as it stands beside another: its texts up to `longest` characters, and the right answer where
-- somebody has told one. Parameters: trace_id, span_id (String; the trace's first call where it has no such span),
--   longest (UInt32). Columns: those of dashboards.incident.reads.CallBeside.
SELECT timestamp, trace_id, span_id, release, environment, tags,
    leftUTF8(calls.input, {longest:UInt32}) AS input, leftUTF8(calls.output, {longest:UInt32}) AS output,
    (SELECT argMax(expected, timestamp) FROM scores FINAL
     WHERE trace_id = {trace_id:String} AND expected != '') AS expected
FROM calls FINAL
WHERE trace_id = {trace_id:String}
ORDER BY span_id = {span_id:String} DESC, timestamp
LIMIT 1
