-- Which traces were erased, as keyed hashes that nobody can read back without the installation's key: a call that a sender
-- sends again after its erasure is left out of every dataset that is built later. `span` is '' for a whole
-- trace. ORDER BY serves "is this call erased".
CREATE TABLE IF NOT EXISTS erased_calls (
    erased_at DateTime64(3) CODEC(Delta(8), ZSTD(1)),
    request String,
    trace String,
    span String
) ENGINE = ReplacingMergeTree(erased_at)
ORDER BY (trace, span)
SETTINGS non_replicated_deduplication_window = 10000;
