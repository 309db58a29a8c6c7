-- `scores`: one verdict on one call, trace or session: check, judge, human, user or outcome.
-- The same score told twice (same id) replaces itself; the later word wins.
-- `details` is what a judge's verdict says beside its value, as JSON: order, mode, parts.
-- ORDER BY serves "all scores of this name in this time range" (jobs, dashboards).
CREATE TABLE IF NOT EXISTS scores (
    timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    score_id String CODEC(ZSTD(1)),
    target LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    service LowCardinality(String),
    name LowCardinality(String),
    source LowCardinality(String),
    value Float64,
    label String CODEC(ZSTD(1)),
    explanation String CODEC(ZSTD(1)),
    expected String CODEC(ZSTD(1)),
    author LowCardinality(String),
    observed_at DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    sampling_probability Float64 DEFAULT 1,
    cost_usd Nullable(Float64),
    details String CODEC(ZSTD(1)),
    INDEX idx_trace_id trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_session_id session_id TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = ReplacingMergeTree(timestamp)
PARTITION BY tuple()
ORDER BY (name, source, target, score_id)
SETTINGS non_replicated_deduplication_window = 10000;
