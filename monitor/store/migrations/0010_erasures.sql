-- A receipt of each erasure: what went, and which datasets and releases had been made of it. `request` is a keyed
-- hash of who was erased, so that the same question finds it again and nobody else can read it back.
CREATE TABLE IF NOT EXISTS erasures (
    erased_at DateTime64(3),
    request String,
    kind LowCardinality(String),
    rows Map(String, UInt64),
    files Array(String),
    datasets Array(String),
    releases Array(String),
    log String,
    mentions Map(String, UInt64),
    complete Bool
) ENGINE = MergeTree
ORDER BY (request, erased_at);

-- What an erasure under way is about: ids of traces, spans, sessions, … Empty when none is under way; one that was
-- interrupted goes on from here. Deletions name these rows and not the ids, which no log of statements shall keep.
CREATE TABLE IF NOT EXISTS erasing (
    request String,
    kind LowCardinality(String),
    id String
) ENGINE = MergeTree
ORDER BY (request, kind, id);
