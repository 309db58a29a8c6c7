-- What judging in production keeps beside its verdicts, which are rows of `scores`.

-- One call that a judge might have been asked about, with the probability it was drawn with: a call is drawn once.
-- ORDER BY serves "the calls of this service that have had no draw yet, in a time range".
CREATE TABLE IF NOT EXISTS draws (
    timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    judge LowCardinality(String),
    service LowCardinality(String),
    release LowCardinality(String),
    prompt_version LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    route LowCardinality(String),
    probability Float64,
    drawn UInt8
) ENGINE = ReplacingMergeTree
ORDER BY (judge, service, timestamp, trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- A call with a person's label that a judge is tested with again and again; its texts are kept with it, because
-- retention takes the call. `verdict` and `probability` say how it was drawn from the labelled calls.
CREATE TABLE IF NOT EXISTS anchors (
    chosen_at DateTime64(3),
    judge LowCardinality(String),
    service LowCardinality(String),
    trace_id String,
    span_id String,
    session_id String,
    user_id String,
    interaction String CODEC(ZSTD(1)),
    label Float64,
    label_author LowCardinality(String),
    verdict String,
    probability Float64
) ENGINE = ReplacingMergeTree(chosen_at)
ORDER BY (judge, trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- What a judge said of an anchor in one run. Repeats 0 and 1 of `purpose` baseline are what later runs are compared
-- with; the latest baseline of a version counts. ORDER BY serves "every run of this judge and version".
CREATE TABLE IF NOT EXISTS anchor_verdicts (
    judged_at DateTime64(3),
    judge LowCardinality(String),
    version LowCardinality(String),
    endpoint LowCardinality(String),
    purpose LowCardinality(String),
    repeat UInt8,
    trace_id String,
    span_id String,
    value Float64,
    label LowCardinality(String),
    cost_usd Nullable(Float64)
) ENGINE = ReplacingMergeTree
ORDER BY (judge, version, judged_at, repeat, trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- Where a judge's values before and after a moment are not the same measure, and how far apart they are.
CREATE TABLE IF NOT EXISTS bridges (
    crossed_at DateTime64(3),
    judge LowCardinality(String),
    from_version LowCardinality(String),
    to_version LowCardinality(String),
    reason LowCardinality(String),
    n UInt32,
    difference Float64,
    low Float64,
    high Float64,
    lost UInt32,
    gained UInt32
) ENGINE = ReplacingMergeTree
ORDER BY (judge, crossed_at, to_version)
SETTINGS non_replicated_deduplication_window = 10000;
