-- What a retrain's candidate answered to live calls, in order of the calls. Parameter: retrain_id.
-- Columns: those of monitor.retrain.shadow.Shadow.
SELECT timestamp, retrain_id, service, release, trace_id, span_id, call_timestamp, status, error, output, duration_ms,
    input_tokens, output_tokens, cost_usd
FROM shadows FINAL
WHERE retrain_id = {retrain_id:String}
ORDER BY call_timestamp, trace_id, span_id
