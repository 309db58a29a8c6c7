-- A uniform sample of a service's successful calls in a stretch of time as samples to evaluate, with the best label known
-- (a person's before an outcome's, then the latest). Drawn by a hash of trace and span: a larger sample contains a smaller.
-- Parameters: service, since, until (half open), limit. Columns: those of monitor.evaluation.stored.StoredSample.
WITH labels AS (
    SELECT trace_id, span_id, argMax(expected, (source = 'human', observed_at, timestamp)) AS label
    FROM scores FINAL
    WHERE target = 'call' AND service IN ({service:String}, '') AND source IN ('human', 'outcome') AND expected != ''
    GROUP BY trace_id, span_id
)
SELECT
    drawn.trace_id AS trace_id, drawn.span_id AS span_id, drawn.timestamp AS timestamp, drawn.input AS input,
    drawn.input_messages AS input_messages, drawn.output AS output, drawn.output_messages AS output_messages,
    labels.label AS expected, drawn.model AS model, drawn.service AS service, drawn.release AS release,
    drawn.prompt_name AS prompt_name, drawn.prompt_version AS prompt_version, drawn.session_id AS session_id,
    drawn.tags AS tags
FROM (
    SELECT
        trace_id, span_id, timestamp, calls.input AS input, input_messages, calls.output AS output, output_messages,
        toString(request_model) AS model, toString(service) AS service, toString(release) AS release,
        toString(prompt_name) AS prompt_name, toString(prompt_version) AS prompt_version, session_id, tags
    FROM calls FINAL
    WHERE service = {service:String}
        AND timestamp >= {since:DateTime64(6, 'UTC')} AND timestamp < {until:DateTime64(6, 'UTC')}
        AND status = 'ok' AND operation != 'embeddings'
    ORDER BY sipHash64(trace_id, span_id)
    LIMIT {limit:UInt32}
) AS drawn
LEFT JOIN labels ON labels.trace_id = drawn.trace_id AND labels.span_id = drawn.span_id
ORDER BY timestamp, trace_id, span_id
