-- The calls of a trace. Parameters: trace. Columns: those of monitor.retrain.lineage.TracedCall.
SELECT span_id, timestamp, service, release, request_model AS model, prompt_name, prompt_version
FROM calls FINAL
WHERE trace_id = {trace:String}
ORDER BY timestamp, span_id
