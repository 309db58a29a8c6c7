-- Of some calls of a session the instructions, the input messages from a place on, and the answer; each message as JSON, its text
-- up to `longest` characters.
-- Parameters: session_id (String), since, until (DateTime64(6), both included), spans (Array(String)), firsts (Array(UInt32), of
--   each span the index of its first new message), longest (UInt32).
-- Columns: those of dashboards.rows.TurnTexts.
WITH
    (message) -> if(length(message) <= {longest:UInt32}, message, concat(
        '{"role":', toJSONString(JSONExtractString(message, 'role')), ',"parts":[{"type":"text","content":',
        toJSONString(concat(leftUTF8(arrayStringConcat(JSONExtract(message, 'parts', 'Array(Tuple(content String, arguments String, response String, result String))').1, '\n'), {longest:UInt32}), ' […]')), '}]}')) AS short,
    JSONExtractArrayRaw(input_messages) AS asked
SELECT
    trace_id, span_id,
    arrayMap(m -> short(m), arraySlice(arrayFilter(m -> JSONExtractString(m, 'role') IN ('system', 'developer'), asked), 1, 3)) AS instructions,
    arrayMap(m -> short(m), arraySlice(arraySlice(asked, arrayElement({firsts:Array(UInt32)}, indexOf({spans:Array(String)}, span_id)) + 1), 1, 50)) AS said,
    arrayMap(m -> short(m), arraySlice(JSONExtractArrayRaw(output_messages), 1, 20)) AS answered,
    leftUTF8(calls.error_message, 600) AS error_message, toString(error_type) AS error_type
FROM calls FINAL
WHERE session_id = {session_id:String} AND span_id IN {spans:Array(String)}
  AND timestamp >= {since:DateTime64(6, 'UTC')} AND timestamp <= {until:DateTime64(6, 'UTC')} + INTERVAL 1 MILLISECOND
