-- Successful calls of a window that have no score of one name yet, in order of time.
-- Parameters: name, since, until. Columns: those of monitor.jobs.calls.Call.
SELECT timestamp, trace_id, span_id, service, release, environment, request_model, prompt_name, prompt_version, session_id, tags, input, output, status
FROM calls FINAL
WHERE status = 'ok' AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
  AND (trace_id, span_id) NOT IN (
      SELECT trace_id, span_id FROM scores
      WHERE name = {name:String} AND target = 'call' AND observed_at >= {since:DateTime64(9)} AND observed_at < {until:DateTime64(9)})
ORDER BY timestamp, span_id
