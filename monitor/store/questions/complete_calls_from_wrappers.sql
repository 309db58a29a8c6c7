-- Settles calls that wrap others, pair by pair (`inner` lies in `outer`, the nearest outer first; `alone` = 1 where the outer's answer is this inner's): the inner's row is written again with its gaps filled, the outer's becomes a step and is taken back as a call. Parameters: traces, inner, outer, alone, since, until.
INSERT INTO spans (
    timestamp, trace_id, span_id, parent_span_id, name, service, release, environment, session_id, user_id, tags, duration_ms, first_chunk_ms,
    failed, abandoned, error_type, error_message, convention, is_call, attributes, sampling_probability, version, is_deleted, thread
)
WITH
pairs AS (
    SELECT p.1 AS nearness, p.2 AS trace, p.3 AS inner_id, p.4 AS outer_id, p.5 AS alone
    FROM (SELECT arrayJoin(arrayZip(arrayEnumerate({traces:Array(String)}), {traces:Array(String)}, {inner:Array(String)}, {outer:Array(String)}, {alone:Array(UInt8)})) AS p)
),
alive AS (
    SELECT *, input AS asked, output AS answered, as_attributes AS words
    FROM calls FINAL
    WHERE timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)} AND trace_id IN {traces:Array(String)}
),
taken_back AS (
    SELECT *, input AS asked, output AS answered, as_attributes AS words
    FROM calls
    WHERE is_deleted AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)} AND trace_id IN {traces:Array(String)}
    LIMIT 1 BY trace_id, span_id
),
offers AS (
    SELECT
        trace,
        inner_id,
        arraySort(o -> o.1, groupArray((nearness, release, environment, session_id, user_id, tags, if(alone, words, mapFilter((k, v) -> startsWith(k, 'gen_ai.prompt.'), words)), if(alone, time_to_first_token_ms, NULL)))) AS offered
    FROM pairs
    INNER JOIN (SELECT * FROM alive UNION ALL SELECT * FROM taken_back) AS o ON o.trace_id = trace AND o.span_id = outer_id
    GROUP BY trace, inner_id
)
SELECT
    timestamp, trace_id, span_id, parent_span_id, '' AS name, service,
    arrayFirst(x -> x != '', arrayPushFront(offered.2, toString(release))) AS release,
    arrayFirst(x -> x != '', arrayPushFront(offered.3, toString(environment))) AS environment,
    arrayFirst(x -> x != '', arrayPushFront(offered.4, session_id)) AS session_id,
    arrayFirst(x -> x != '', arrayPushFront(offered.5, user_id)) AS user_id,
    arrayFold((known, o) -> mapUpdate(o, known), offered.6, tags) AS tags,
    duration_ms,
    arrayFirst(x -> x IS NOT NULL, arrayPushFront(offered.8, time_to_first_token_ms)) AS first_chunk_ms,
    status = 'error' AS failed, status = 'abandoned' AS abandoned, error_type, error_message, convention,
    true AS is_call,
    -- what the call knows exactly, its wrapper only guessed at
    CAST(mapFilter((k, v) -> k != 'outerloop.usage.estimated' OR mapContains(words, k) OR output_tokens IS NULL,
        arrayFold((known, o) -> mapUpdate(o, known), offered.7, words)), 'Map(LowCardinality(String), String)') AS attributes,
    sampling_probability,
    2 AS version,
    0 AS is_deleted,
    thread
FROM alive
INNER JOIN offers ON trace = trace_id AND inner_id = span_id
WHERE (trace_id, span_id) NOT IN (SELECT trace, outer_id FROM pairs)
UNION ALL
SELECT
    timestamp, trace_id, span_id, parent_span_id, concat(operation, ' ', request_model), service, release, environment, session_id, user_id, tags,
    duration_ms, time_to_first_token_ms, status = 'error', status = 'abandoned', error_type, error_message, convention,
    row.1,
    CAST(if(row.1, words, map('outerloop.step.kind', 'chain', 'outerloop.step.input', asked, 'outerloop.step.output', answered)), 'Map(LowCardinality(String), String)'),
    sampling_probability,
    if(row.1, 3, 0),
    toUInt8(row.1),
    thread
FROM alive
-- once as a step, once as a call that is none
ARRAY JOIN [tuple(false), tuple(true)] AS row
WHERE (trace_id, span_id) IN (SELECT trace, outer_id FROM pairs)
SETTINGS insert_deduplicate = 0
