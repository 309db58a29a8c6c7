-- `evaluations`: one verdict of one judge on one sample of one run of `outerloop eval` (or of a test that evaluates).
-- The same verdict written twice replaces itself, so a run that was resumed or sent again counts once.
-- ORDER BY serves "all rows of this run", which is what a run's page and a comparison of two runs read.
CREATE TABLE IF NOT EXISTS evaluations (
    timestamp DateTime64(3) CODEC(Delta(8), ZSTD(1)),
    run_id String,
    dataset String,
    dataset_hash String,
    sample_id String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    judge LowCardinality(String),
    judge_version LowCardinality(String),
    judge_model LowCardinality(String),
    kind LowCardinality(String),
    direction LowCardinality(String),
    candidate LowCardinality(String),
    model LowCardinality(String),
    status LowCardinality(String),
    value Float64,
    label String CODEC(ZSTD(1)),
    reason String CODEC(ZSTD(1)),
    raw String CODEC(ZSTD(1)),
    mode LowCardinality(String),
    shown_order LowCardinality(String),
    cost_usd Nullable(Float64),
    input_tokens Nullable(UInt64),
    output_tokens Nullable(UInt64),
    requests UInt32,
    cache_hits UInt32,
    duration_ms Float64,
    input String CODEC(ZSTD(1)),
    output String CODEC(ZSTD(1)),
    expected String CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree(timestamp)
ORDER BY (run_id, judge, judge_version, sample_id)
SETTINGS non_replicated_deduplication_window = 10000;
