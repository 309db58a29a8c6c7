-- `embeddings`: a vector of a call's input or output. ORDER BY serves "the vectors of a service in a time range"; the
-- bloom filter serves "has this text a vector already", whoever said it. `sampling_probability` is that of its trace.
CREATE TABLE IF NOT EXISTS embeddings (
    timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    service LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    part LowCardinality(String),
    model LowCardinality(String),
    text_hash UInt64,
    vector Array(Float32) CODEC(ZSTD(1)),
    sampling_probability Float64,
    INDEX idx_text_hash text_hash TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(timestamp)
ORDER BY (service, part, timestamp, trace_id, span_id, model)
SETTINGS non_replicated_deduplication_window = 10000;
