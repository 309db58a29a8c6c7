-- A sample of a service's calls in a window for a report: a random one that is the same each time. Parameters: service,
-- since, until, most. Columns: those of monitor.report.frames.FIXED, the keys of the call, its tags.
SELECT timestamp, trace_id, span_id, input, output, release, request_model, response_model, prompt_version, status, error_type,
    finish_reason, duration_ms, time_to_first_token_ms, input_tokens, output_tokens, cost_usd, tags
FROM calls FINAL
WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
ORDER BY cityHash64(trace_id, span_id)
LIMIT {most:UInt32}
