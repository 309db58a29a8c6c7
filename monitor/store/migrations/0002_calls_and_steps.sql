-- `calls`: one LLM call a row, every instrumentation dialect folded into the same typed columns.
-- A resent span has the same key and replaces itself; `FINAL` counts it once. Unknown is NULL or '', never 0.
-- A span writes version 0; what completes it later writes the whole row again with a higher one (1 from log
-- records, 2 from a wrapper); a row with is_deleted = 1 (version 3) takes back a call that turned out to be
-- another's wrapper, and `FINAL` no longer shows it.
-- ORDER BY serves "the calls of a service in a time range", the question of every job and view; within the hour
-- a conversation stands together, so that the history which each of its turns repeats is compressed against the
-- turn before: blocks of 1 MB and ZSTD's window see it. `thread` is what the row was sorted by when it was first
-- written and never changes, also when a later version learns the session.
-- The messages are the one stored form of the text; `input`, `output` and `tool_calls` are read from them.
-- The bloom filters serve "open this trace / session / user".
CREATE TABLE IF NOT EXISTS calls (
    timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    parent_span_id String CODEC(ZSTD(1)),
    service LowCardinality(String),
    release LowCardinality(String),
    environment LowCardinality(String),
    operation LowCardinality(String),
    provider LowCardinality(String),
    request_model LowCardinality(String),
    response_model LowCardinality(String),
    prompt_name LowCardinality(String),
    prompt_version LowCardinality(String),
    session_id String CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(1)),
    tags Map(String, String) CODEC(ZSTD(1)),
    input_messages String CODEC(ZSTD(3)) SETTINGS (min_compress_block_size = 1048576, max_compress_block_size = 4194304),
    output_messages String CODEC(ZSTD(3)) SETTINGS (min_compress_block_size = 1048576, max_compress_block_size = 4194304),
    -- readable text: (role, text) of each message, a tool call as name(arguments), anything that is no text as [type];
    -- one question alone needs no speaker's name
    input String ALIAS arrayMap(said -> if(arrayCount(m -> m.1 NOT IN ('system', 'developer'), said) = 1,
            arrayFirst(m -> m.1 NOT IN ('system', 'developer'), said).2,
            arrayStringConcat(arrayMap(m -> concat(m.1, ': ', m.2), said), '\n')),
        [arrayMap(m -> (m.role, arrayStringConcat(arrayFilter(t -> t != '', arrayMap(p -> multiIf(
                p.type = 'tool_call', concat(p.name, '(', p.arguments, ')'),
                p.type = 'tool_call_response', if(p.response = '', p.result, p.response),
                p.type IN ('text', 'refusal'), p.content,
                p.type IN ('reasoning', 'thinking'), '',
                concat('[', p.type, ']')), m.parts)), '\n')),
            arrayFilter(m -> notEmpty(m.parts), JSONExtract(input_messages, 'Array(Tuple(role String, parts Array(Tuple(type String, content String, id String, name String, arguments String, response String, result String))))')))])[1],
    output String ALIAS arrayStringConcat(arrayFilter(t -> t != '', arrayFlatten(arrayMap(m -> arrayMap(p -> multiIf(
                p.type = 'tool_call', concat(p.name, '(', p.arguments, ')'),
                p.type IN ('text', 'refusal'), p.content,
                ''), m.parts),
            JSONExtract(output_messages, 'Array(Tuple(role String, parts Array(Tuple(type String, content String, id String, name String, arguments String, response String, result String))))')))), '\n'),
    -- the answer's tool calls alone, their arguments as JSON values
    tool_calls String ALIAS arrayMap(called -> if(empty(called), '', concat('[', arrayStringConcat(arrayMap(
            p -> concat('{"type":"tool_call"', if(p.id = '', '', concat(',"id":', toJSONString(p.id))), ',"name":', toJSONString(p.name),
                ',"arguments":', if(isValidJSON(p.arguments), p.arguments, toJSONString(p.arguments)), '}'), called), ','), ']')),
        [arrayFilter(p -> p.type = 'tool_call', arrayFlatten(JSONExtract(output_messages, 'Array(Tuple(role String, parts Array(Tuple(type String, content String, id String, name String, arguments String, response String, result String))))').parts))])[1],
    input_tokens Nullable(UInt64),
    cached_input_tokens Nullable(UInt64),
    output_tokens Nullable(UInt64),
    reasoning_tokens Nullable(UInt64),
    -- the service told no counts: they are the sender's, from the text
    usage_estimated Bool,
    cost_usd Nullable(Float64),
    duration_ms Float64,
    time_to_first_token_ms Nullable(Float64),
    status LowCardinality(String),
    error_type LowCardinality(String),
    error_message String CODEC(ZSTD(1)),
    finish_reason LowCardinality(String),
    convention LowCardinality(String),
    -- with which probability the sender keeps calls like this one; a rate weighs each call by the inverse
    sampling_probability Float64 DEFAULT 1,
    version UInt8 DEFAULT 0,
    is_deleted UInt8 DEFAULT 0,
    thread String DEFAULT if(session_id = '', trace_id, session_id) CODEC(ZSTD(1)),
    -- the call as a span of the GenAI convention would tell it, for rows that are completed later
    as_attributes Map(String, String) ALIAS mapFilter((k, v) -> v != '', map(
        'gen_ai.operation.name', toString(operation),
        'gen_ai.provider.name', toString(provider),
        'gen_ai.request.model', toString(request_model),
        'gen_ai.response.model', toString(response_model),
        'gen_ai.prompt.name', toString(prompt_name),
        'gen_ai.prompt.version', toString(prompt_version),
        'gen_ai.input.messages', input_messages,
        'gen_ai.output.messages', output_messages,
        'gen_ai.usage.input_tokens', ifNull(toString(input_tokens), ''),
        'gen_ai.usage.cache_read.input_tokens', ifNull(toString(cached_input_tokens), ''),
        'gen_ai.usage.output_tokens', ifNull(toString(output_tokens), ''),
        'gen_ai.usage.reasoning.output_tokens', ifNull(toString(reasoning_tokens), ''),
        'outerloop.usage.estimated', if(usage_estimated, 'true', ''),
        'gen_ai.cost.total_cost', ifNull(toString(cost_usd), ''),
        'gen_ai.response.finish_reasons', toString(finish_reason))),
    INDEX idx_trace_id trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_session_id session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_user_id user_id TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(timestamp)
ORDER BY (service, toStartOfHour(timestamp, 'UTC'), thread, timestamp, trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- `steps`: any other step of a chain, so that a trace opens like a debugger.
CREATE TABLE IF NOT EXISTS steps (
    timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    parent_span_id String CODEC(ZSTD(1)),
    service LowCardinality(String),
    release LowCardinality(String),
    environment LowCardinality(String),
    kind LowCardinality(String),
    name LowCardinality(String),
    session_id String CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(1)),
    tags Map(String, String) CODEC(ZSTD(1)),
    input String CODEC(ZSTD(3)) SETTINGS (min_compress_block_size = 1048576, max_compress_block_size = 4194304),
    output String CODEC(ZSTD(3)) SETTINGS (min_compress_block_size = 1048576, max_compress_block_size = 4194304),
    duration_ms Float64,
    status LowCardinality(String),
    error_type LowCardinality(String),
    error_message String CODEC(ZSTD(1)),
    convention LowCardinality(String),
    version UInt8 DEFAULT 0,
    is_deleted UInt8 DEFAULT 0,
    thread String DEFAULT if(session_id = '', trace_id, session_id) CODEC(ZSTD(1)),
    INDEX idx_trace_id trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_session_id session_id TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(timestamp)
ORDER BY (service, toStartOfHour(timestamp, 'UTC'), thread, timestamp, trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- Prices in USD for one million tokens, read by the view that fills `calls.cost_usd` where the sender gave no cost.
-- The price in force on the call's day counts. A model without one has cost NULL: unknown, not free.
-- `migrate` keeps the list prices of monitor/store/prices.csv here (own = 0). Your own, for a contract, a model that
-- you host or a deployment's name, win over them:
--   INSERT INTO prices (model, valid_from, input_usd_per_million, cached_input_usd_per_million, output_usd_per_million)
--   VALUES ('my-deployment', '2026-01-01', 2.5, 1.25, 10)
CREATE TABLE IF NOT EXISTS prices (
    model String,
    valid_from Date,
    valid_until Date DEFAULT toDate('2149-06-06'),
    input_usd_per_million Float64,
    cached_input_usd_per_million Float64 DEFAULT input_usd_per_million,
    output_usd_per_million Float64,
    -- NULL: as any other output
    reasoning_usd_per_million Nullable(Float64),
    source String,
    own Bool DEFAULT true,
    version UInt64 DEFAULT toUnixTimestamp64Micro(now64(6)),
    is_deleted UInt8 DEFAULT 0
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (model, own, valid_from);
