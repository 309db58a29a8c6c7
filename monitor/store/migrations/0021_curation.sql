-- An event in a dataset version's life: `built` (with what went in and what was left out, as JSON in `details`),
-- `imported`, `tainted` (somebody's calls in it have been erased). ORDER BY serves "what became of this version".
CREATE TABLE IF NOT EXISTS dataset_events (
    timestamp DateTime64(3) CODEC(Delta(8), ZSTD(1)),
    dataset_version String,
    service LowCardinality(String),
    event LowCardinality(String),
    actor String,
    note String CODEC(ZSTD(1)),
    details String CODEC(ZSTD(1))
) ENGINE = MergeTree
ORDER BY (dataset_version, timestamp)
SETTINGS non_replicated_deduplication_window = 10000;
