-- What the jobs and the people write. Append-only: the state of an incident, a retrain or a label
-- is the latest event of its key.

-- One run of one detector on one series: enough to continue it (`state`), to show it and to argue with it.
-- ORDER BY serves "the history of this series" and "the last state of every series of this service"; two services
-- have series of the same name.
CREATE TABLE IF NOT EXISTS checks (
    timestamp DateTime64(3) CODEC(Delta(8), ZSTD(1)),
    check_id String,
    detector LowCardinality(String),
    detector_version UInt16,
    series String,
    service LowCardinality(String),
    release LowCardinality(String),
    field LowCardinality(String),
    window_start DateTime64(3),
    window_end DateTime64(3),
    status LowCardinality(String),
    count UInt64,
    n UInt64,
    effect Float64,
    low Float64,
    high Float64,
    baseline Float64,
    baseline_n UInt64,
    e_value Float64,
    threshold Float64,
    state String CODEC(ZSTD(1)),
    evidence String CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree(timestamp)
ORDER BY (service, detector, series, window_end)
SETTINGS non_replicated_deduplication_window = 10000;

-- An event in an incident's life: opened, grown, announced, acknowledged, snoozed, resolved, reopened.
CREATE TABLE IF NOT EXISTS incidents (
    timestamp DateTime64(3) CODEC(Delta(8), ZSTD(1)),
    incident_id String,
    event LowCardinality(String),
    actor String,
    via LowCardinality(String),
    note String CODEC(ZSTD(1)),
    service LowCardinality(String),
    title String CODEC(ZSTD(1)),
    severity LowCardinality(String),
    cause LowCardinality(String),
    field LowCardinality(String),
    detector LowCardinality(String),
    series String,
    started_at DateTime64(3),
    details String CODEC(ZSTD(1))
) ENGINE = MergeTree
ORDER BY (incident_id, timestamp)
SETTINGS non_replicated_deduplication_window = 10000;

-- An event in a retrain's life: proposed, requested, delivered, started, progress, finished, failed,
-- compared, approved, rejected, promoted, rolled_back.
CREATE TABLE IF NOT EXISTS retrains (
    timestamp DateTime64(3) CODEC(Delta(8), ZSTD(1)),
    retrain_id String,
    event LowCardinality(String),
    actor String,
    via LowCardinality(String),
    note String CODEC(ZSTD(1)),
    incident_id String,
    service LowCardinality(String),
    base_release LowCardinality(String),
    candidate_release LowCardinality(String),
    dataset_version String,
    details String CODEC(ZSTD(1))
) ENGINE = MergeTree
ORDER BY (retrain_id, timestamp)
SETTINGS non_replicated_deduplication_window = 10000;

-- One member of one dataset version. `split` is train, validation or reserved; a reserved row is never exported. Examples
-- that people brought are versions of their own (`im-…`) with the split `import`; the next build takes them up.
CREATE TABLE IF NOT EXISTS datasets (
    created_at DateTime64(3) CODEC(Delta(8), ZSTD(1)),
    dataset_version String,
    service LowCardinality(String),
    split LowCardinality(String),
    trace_id String,
    span_id String,
    call_timestamp DateTime64(9),
    input_messages String CODEC(ZSTD(1)),
    output String CODEC(ZSTD(1)),
    label String CODEC(ZSTD(1)),
    label_author LowCardinality(String),
    reason LowCardinality(String),
    reasons Array(LowCardinality(String)),
    output_messages String CODEC(ZSTD(1)),
    tools String CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree
ORDER BY (dataset_version, split, trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- One run of one job, also a failed one.
CREATE TABLE IF NOT EXISTS job_runs (
    started_at DateTime64(3) CODEC(Delta(8), ZSTD(1)),
    finished_at DateTime64(3),
    run_id String,
    job LowCardinality(String),
    window_start DateTime64(3),
    window_end DateTime64(3),
    outcome LowCardinality(String),
    duration_ms Float64,
    counts Map(String, Int64),
    error String CODEC(ZSTD(1))
) ENGINE = MergeTree
ORDER BY (job, window_end)
SETTINGS non_replicated_deduplication_window = 10000;

-- The collector's account, per minute of arrival: accepted = stored + waiting + refused, by reason.
CREATE TABLE IF NOT EXISTS ledger (
    minute DateTime,
    signal LowCardinality(String),
    service LowCardinality(String),
    entry LowCardinality(String),
    reason LowCardinality(String),
    count UInt64
) ENGINE = SummingMergeTree(count)
ORDER BY (minute, signal, service, entry, reason)
SETTINGS non_replicated_deduplication_window = 10000;
