-- The whole input and output of one step, for a download; nothing is cut.
-- Parameters: trace_id, span_id (String).
-- Columns: input, output.
SELECT input, output FROM calls FINAL WHERE trace_id = {trace_id:String} AND span_id = {span_id:String}
UNION ALL
SELECT input, output FROM steps FINAL WHERE trace_id = {trace_id:String} AND span_id = {span_id:String}
LIMIT 1
