-- The tools that a model was offered in chosen calls, as the instrumentation told them: the GenAI convention's list, or
-- OpenInference's and OpenLLMetry's numbered attributes. Parameters: since, until (both ends included), traces.
-- Columns: trace_id, span_id, told (attribute → text).
SELECT
    TraceId AS trace_id, SpanId AS span_id,
    mapFilter((k, v) -> k = 'gen_ai.tool.definitions' OR (startsWith(k, 'llm.tools.') AND endsWith(k, '.tool.json_schema'))
        OR startsWith(k, 'llm.request.functions.'), SpanAttributes) AS told
FROM otel_traces
WHERE Timestamp >= {since:DateTime64(6, 'UTC')} - INTERVAL 1 MINUTE
    AND Timestamp < {until:DateTime64(6, 'UTC')} + INTERVAL 1 MINUTE
    AND TraceId IN {traces:Array(String)} AND notEmpty(told)
LIMIT 1 BY trace_id, span_id
