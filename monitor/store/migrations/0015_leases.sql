-- Who runs the jobs of a store that several machines share: each claim, its renewals and its end, by the server's own
-- clock. The oldest claim that is still renewed holds the lease. ORDER BY serves "the claims of this lease of late".
CREATE TABLE IF NOT EXISTS leases (
    timestamp DateTime64(3) DEFAULT now64(3),
    name LowCardinality(String),
    holder String,
    released UInt8
) ENGINE = MergeTree
ORDER BY (name, timestamp)
SETTINGS non_replicated_deduplication_window = 0;
