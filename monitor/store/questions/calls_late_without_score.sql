-- Successful calls that came in after their time had been looked at: without a score of one name, of services that have
-- such scores since then, in order of time. Which calls these are is found by their ids; texts are read of those alone
-- (PREWHERE may stand before FINAL, since the ids are a part of what a row replaces another by).
-- Parameters: name, since, until, most (rows). Columns: those of monitor.jobs.calls.Call.
SELECT timestamp, trace_id, span_id, service, release, environment, request_model, prompt_name, prompt_version, session_id, tags, input, output, status
FROM calls FINAL
PREWHERE (trace_id, span_id) IN (
    SELECT trace_id, span_id
    FROM calls FINAL
    WHERE status = 'ok' AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
      AND service IN (
          SELECT service FROM scores WHERE name = {name:String} AND target = 'call' AND observed_at >= {since:DateTime64(9)})
      AND (trace_id, span_id) NOT IN (
          SELECT trace_id, span_id FROM scores
          WHERE name = {name:String} AND target = 'call' AND observed_at >= {since:DateTime64(9)} AND observed_at < {until:DateTime64(9)})
    ORDER BY timestamp, span_id
    LIMIT {most:UInt64})
WHERE status = 'ok' AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
ORDER BY timestamp, span_id
