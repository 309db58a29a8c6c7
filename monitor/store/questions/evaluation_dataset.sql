-- The members of one split of a dataset version as samples to evaluate, labels as the expected answers. What the call
-- itself tells (readable input, release, model) is joined while the call is kept; the member's own texts outlive it.
-- Parameters: version, split. Columns: those of monitor.evaluation.stored.StoredSample.
SELECT
    members.trace_id AS trace_id, members.span_id AS span_id, members.call_timestamp AS timestamp,
    if(known.input = '', members.said, known.input) AS input,
    members.input_messages AS input_messages,
    members.output AS output, known.output_messages AS output_messages, members.label AS expected,
    known.model AS model, members.service AS service, known.release AS release, known.prompt_name AS prompt_name,
    known.prompt_version AS prompt_version, known.session_id AS session_id, known.tags AS tags
FROM (
    SELECT
        trace_id, span_id, call_timestamp, input_messages, output, label, service,
        arrayStringConcat(arrayMap(
            m -> arrayStringConcat(arrayMap(p -> p.content, m.parts), '\n'),
            arrayFilter(m -> m.role NOT IN ('system', 'developer'),
                JSONExtract(input_messages, 'Array(Tuple(role String, parts Array(Tuple(content String))))'))), '\n') AS said
    FROM datasets FINAL
    WHERE dataset_version = {version:String} AND split = {split:String}
) AS members
LEFT JOIN (
    SELECT
        trace_id, span_id, calls.input AS input, output_messages, toString(request_model) AS model,
        toString(release) AS release, toString(prompt_name) AS prompt_name, toString(prompt_version) AS prompt_version,
        session_id, tags
    FROM calls FINAL
    WHERE (trace_id, span_id) IN (
        SELECT trace_id, span_id FROM datasets FINAL
        WHERE dataset_version = {version:String} AND split = {split:String})
) AS known ON known.trace_id = members.trace_id AND known.span_id = members.span_id
ORDER BY timestamp, trace_id, span_id
