-- Calls of a service in a window that were drawn for a judge and have no verdict of it yet, in order of time.
-- Parameters: judge, service, since, until. Columns: those of monitor.judging.sampling.DrawnCall.
SELECT call.timestamp AS timestamp, call.trace_id AS trace_id, call.span_id AS span_id, call.service AS service, call.release AS release,
    call.environment AS environment, call.request_model AS request_model, call.prompt_version AS prompt_version,
    call.session_id AS session_id, call.tags AS tags, call.input AS input, call.output AS output, call.status AS status,
    call.prompt_name AS prompt_name, call.input_messages AS input_messages, call.output_messages AS output_messages,
    draw.probability AS probability
FROM (
    SELECT trace_id, span_id, probability FROM draws FINAL
    WHERE judge = {judge:String} AND service = {service:String} AND drawn = 1
      AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
      AND (trace_id, span_id) NOT IN (
          SELECT trace_id, span_id FROM scores
          WHERE name = {judge:String} AND source = 'judge' AND target = 'call'
            AND observed_at >= {since:DateTime64(9)} AND observed_at < {until:DateTime64(9)})
) AS draw
INNER JOIN (
    SELECT timestamp, trace_id, span_id, service, release, environment, request_model, prompt_name, prompt_version, session_id, tags,
        input, output, status, input_messages, output_messages
    FROM calls FINAL
    WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
      AND (trace_id, span_id) IN (
          SELECT trace_id, span_id FROM draws
          WHERE judge = {judge:String} AND service = {service:String} AND drawn = 1
            AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)})
) AS call ON call.trace_id = draw.trace_id AND call.span_id = draw.span_id
ORDER BY timestamp, span_id
