-- Steps of some traces, in order of time. Parameter: traces. Columns: trace_id, name, kind, input, output, span_id.
SELECT trace_id, name, kind, input, output, span_id
FROM steps FINAL
WHERE trace_id IN {traces:Array(String)}
ORDER BY trace_id, timestamp, span_id
