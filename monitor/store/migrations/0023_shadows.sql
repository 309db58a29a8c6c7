-- What a candidate answered to a live call, unseen by users. No call of production: it is in no count, no cost and no
-- rate of theirs. The same call asked again for the same retrain replaces itself.
-- ORDER BY serves "everything that this retrain's candidate answered".
CREATE TABLE IF NOT EXISTS shadows (
    timestamp DateTime64(3) CODEC(Delta(8), ZSTD(1)),
    retrain_id String,
    service LowCardinality(String),
    release LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    call_timestamp DateTime64(9),
    status LowCardinality(String),
    error String CODEC(ZSTD(1)),
    output String CODEC(ZSTD(3)),
    duration_ms Nullable(Float64),
    input_tokens Nullable(UInt64),
    output_tokens Nullable(UInt64),
    cost_usd Nullable(Float64)
) ENGINE = ReplacingMergeTree(timestamp)
ORDER BY (retrain_id, trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 10000;
