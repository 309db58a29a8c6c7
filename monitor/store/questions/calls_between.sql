-- A service's calls in a window, in order of time. Parameters: service, since, until. Columns: those of monitor.jobs.calls.Call.
SELECT timestamp, trace_id, span_id, service, release, environment, request_model, prompt_name, prompt_version, session_id, tags, input, output, status
FROM calls FINAL
WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
ORDER BY timestamp, span_id
