-- Calls that a person has labelled and a judge has a verdict on, to choose anchors from. Those of dataset versions that
-- the judge's prompt was tuned on, and those that are anchors already, are left out.
-- Parameters: judge, services, names (of labels), tuned_on (dataset versions), since (of the call).
-- Columns: those of monitor.judging.anchors.Labelled.
SELECT call.timestamp AS timestamp, call.trace_id AS trace_id, call.span_id AS span_id, call.service AS service, call.release AS release,
    call.environment AS environment, call.request_model AS request_model, call.prompt_version AS prompt_version,
    call.session_id AS session_id, call.tags AS tags, call.input AS input, call.output AS output, call.status AS status,
    call.prompt_name AS prompt_name, call.input_messages AS input_messages, call.output_messages AS output_messages,
    call.user_id AS user_id, truth.value AS truth, truth.author AS author, truth.expected AS expected, verdict.said AS verdict
FROM (
    SELECT trace_id, span_id, argMax(scores.value, scores.timestamp) AS value, argMax(scores.author, scores.timestamp) AS author,
        argMax(scores.expected, scores.timestamp) AS expected
    FROM scores FINAL
    WHERE source = 'human' AND target = 'call' AND name IN {names:Array(String)} AND NOT isNaN(scores.value)
      AND observed_at >= {since:DateTime64(9)}
      AND trace_id NOT IN (SELECT trace_id FROM datasets WHERE dataset_version IN {tuned_on:Array(String)})
      AND (trace_id, span_id) NOT IN (SELECT trace_id, span_id FROM anchors WHERE judge = {judge:String})
    GROUP BY trace_id, span_id
) AS truth
INNER JOIN (
    SELECT trace_id, span_id, argMax(scores.label, scores.timestamp) AS said
    FROM scores FINAL
    WHERE source = 'judge' AND target = 'call' AND name = {judge:String} AND NOT isNaN(scores.value)
      AND observed_at >= {since:DateTime64(9)}
    GROUP BY trace_id, span_id
) AS verdict ON verdict.trace_id = truth.trace_id AND verdict.span_id = truth.span_id
INNER JOIN (
    SELECT timestamp, trace_id, span_id, service, release, environment, request_model, prompt_name, prompt_version, session_id, user_id, tags,
        input, output, status, input_messages, output_messages
    FROM calls FINAL
    WHERE service IN {services:Array(String)} AND timestamp >= {since:DateTime64(9)}
      AND trace_id IN (SELECT trace_id FROM scores WHERE source = 'human' AND target = 'call' AND name IN {names:Array(String)})
) AS call ON call.trace_id = truth.trace_id AND call.span_id = truth.span_id
ORDER BY timestamp, span_id
