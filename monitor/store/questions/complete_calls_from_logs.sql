-- Writes calls once more, their gaps filled with what log records of the same span say: into `spans`, whose views read it as they read a span's own words. What the call already knows stays. Parameters: traces, keys (trace and span id in one string), since, until (of calls and records).
INSERT INTO spans (
    timestamp, trace_id, span_id, parent_span_id, service, release, environment, session_id, user_id, tags, duration_ms, first_chunk_ms,
    failed, abandoned, error_type, error_message, convention, is_call, attributes, message_events, sampling_probability, version, thread
)
WITH
records AS (
    -- a record that was sent twice is one record
    SELECT DISTINCT Timestamp AS at, TraceId, SpanId, CAST(EventName, 'String') AS name, Body, mapSort(mapFilter((k, v) -> v != '', LogAttributes)) AS said
    FROM otel_logs
    WHERE Timestamp >= {since:DateTime64(9)} AND Timestamp < {until:DateTime64(9)}
        AND EventName IN ('gen_ai.client.inference.operation.details', 'gen_ai.system.message', 'gen_ai.user.message', 'gen_ai.assistant.message', 'gen_ai.tool.message', 'gen_ai.choice', 'gen_ai.content.prompt', 'gen_ai.content.completion')
        AND TraceId IN {traces:Array(String)} AND concat(TraceId, SpanId) IN {keys:Array(String)}
),
told AS (
    SELECT
        TraceId,
        SpanId,
        arrayFold((known, s) -> mapUpdate(CAST(s, 'Map(String, String)'), known), groupArray(said), CAST(map(), 'Map(String, String)')) AS said,
        arrayMap(r -> (r.2, r.3), arraySort(r -> r.1, groupArrayIf((at, name, Body), match(name, '\\.message$|\\.choice$')))) AS messages,
        uniqExactIf((at, Body), match(name, '\\.message$') AND match(Body, '^[^{]|"content":("[^"]|[\\[{])|"tool_calls":\\[')) AS messages_in,
        uniqExactIf((at, Body), match(name, '\\.choice$') AND match(Body, '^[^{]|"content":("[^"]|[\\[{])|"tool_calls":\\[')) AS messages_out
    FROM records
    GROUP BY TraceId, SpanId
),
-- the call's own words in the GenAI convention
known AS (
    SELECT
        c.*,
        t.said AS said,
        t.messages AS messages,
        version = 0 OR messages_in <= JSONLength(input_messages) AS keep_in,
        version = 0 OR messages_out <= JSONLength(output_messages) AS keep_out,
        mapFilter((k, v) -> NOT (k = 'gen_ai.input.messages' AND NOT keep_in) AND NOT (k = 'gen_ai.output.messages' AND NOT keep_out), as_attributes) AS words
    FROM calls AS c FINAL
    INNER JOIN told AS t ON t.TraceId = c.trace_id AND t.SpanId = c.span_id
    WHERE timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
        AND trace_id IN {traces:Array(String)} AND concat(trace_id, span_id) IN {keys:Array(String)}
)
SELECT
    timestamp, trace_id, span_id, parent_span_id, service, release, environment,
    arrayFirst(x -> x != '', [session_id, said['session.id'], said['gen_ai.conversation.id']]) AS session_id,
    arrayFirst(x -> x != '', [user_id, said['user.id'], said['enduser.id']]) AS user_id,
    tags, duration_ms,
    time_to_first_token_ms AS first_chunk_ms,
    status = 'error' AS failed,
    status = 'abandoned' AS abandoned,
    error_type, error_message, convention,
    true AS is_call,
    -- the system's instructions stand in known messages already, and a known time is not told again
    mapUpdate(
        mapFilter((k, v) -> startsWith(k, 'gen_ai.')
            AND NOT (mapContains(words, 'gen_ai.input.messages') AND k = 'gen_ai.system_instructions')
            AND NOT (time_to_first_token_ms IS NOT NULL AND k IN ('gen_ai.response.time_to_first_chunk', 'gen_ai.client.operation.time_to_first_chunk')), said),
        words) AS attributes,
    messages AS message_events,
    sampling_probability,
    greatest(version, 1) AS version,
    thread
FROM known
SETTINGS insert_deduplicate = 0
