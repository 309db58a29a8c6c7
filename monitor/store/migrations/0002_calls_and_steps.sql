-- `calls`: one LLM call a row, every instrumentation dialect folded into the same typed columns.
-- A resent span has the same key and replaces itself; `FINAL` counts it once. Unknown is NULL or '', never 0.
-- ORDER BY serves "the calls of a service in a time range", the question of every job and view;
-- the bloom filters serve "open this trace / session / user".
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
    input String CODEC(ZSTD(1)),
    output String CODEC(ZSTD(1)),
    input_messages String CODEC(ZSTD(1)),
    output_messages String CODEC(ZSTD(1)),
    tool_calls String CODEC(ZSTD(1)),
    input_tokens Nullable(UInt64),
    cached_input_tokens Nullable(UInt64),
    output_tokens Nullable(UInt64),
    reasoning_tokens Nullable(UInt64),
    cost_usd Nullable(Float64),
    duration_ms Float64,
    time_to_first_token_ms Nullable(Float64),
    status LowCardinality(String),
    error_type LowCardinality(String),
    error_message String CODEC(ZSTD(1)),
    finish_reason LowCardinality(String),
    convention LowCardinality(String),
    INDEX idx_trace_id trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_session_id session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_user_id user_id TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(timestamp)
ORDER BY (service, timestamp, trace_id, span_id)
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
    input String CODEC(ZSTD(1)),
    output String CODEC(ZSTD(1)),
    duration_ms Float64,
    status LowCardinality(String),
    error_type LowCardinality(String),
    error_message String CODEC(ZSTD(1)),
    convention LowCardinality(String),
    INDEX idx_trace_id trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_session_id session_id TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(timestamp)
ORDER BY (service, timestamp, trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- List prices in USD for one million tokens, read by the view that fills `calls.cost_usd`
-- where the sender gave no cost. A model without a row has cost NULL: unknown, not free.
CREATE TABLE IF NOT EXISTS prices (
    model String,
    input_usd_per_million Float64,
    cached_input_usd_per_million Float64,
    output_usd_per_million Float64,
    valid_from Date
) ENGINE = ReplacingMergeTree
ORDER BY (model, valid_from);
