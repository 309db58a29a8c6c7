-- One attempt to tell one sink something: `sending` before it, then `delivered` or `failed`. A key that was begun and has
-- no `delivered` may have arrived all the same; it is looked for before it is told again. `due_at` is when it is tried
-- next; `dead` says that nobody tries any more.
-- ORDER BY serves "the attempts at this key, in order".
CREATE TABLE IF NOT EXISTS deliveries (
    timestamp DateTime64(3) CODEC(Delta(8), ZSTD(1)),
    sink LowCardinality(String),
    key String,
    incident_id String,
    kind LowCardinality(String),
    state LowCardinality(String),
    channel String,
    message_id String,
    error String CODEC(ZSTD(1)),
    due_at DateTime64(3)
) ENGINE = MergeTree
ORDER BY (sink, key, timestamp)
SETTINGS non_replicated_deduplication_window = 10000;
