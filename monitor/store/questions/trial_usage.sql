-- What chosen calls took and what slices them, without their texts. The time range lets the primary key do the work.
-- Parameters: service, since, until (both ends included), traces. Columns: those of monitor.retrain.questions.CallUsage.
SELECT trace_id, span_id, request_model, prompt_version, tags, duration_ms, input_tokens, output_tokens, cost_usd
FROM calls FINAL
WHERE service = {service:String}
    AND timestamp >= {since:DateTime64(6, 'UTC')} AND timestamp < {until:DateTime64(6, 'UTC')} + INTERVAL 1 MILLISECOND
    AND trace_id IN {traces:Array(String)}
ORDER BY timestamp, trace_id, span_id
