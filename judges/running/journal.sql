-- The judging journal: money held and settled, verdicts for resuming, replies that need not be asked for twice.
-- Money is whole nano-USD, so that sums are exact. Days are UTC, as `2026-03-01`; '' where no clock was given.

-- Who holds money: one per account and process, alive as long as it locks its byte of the lock file.
CREATE TABLE holders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pid INTEGER NOT NULL
);
-- Which holder is running which run; the row stays when the run has ended, with the day it was last opened.
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
    holder INTEGER NOT NULL,
    day TEXT NOT NULL
) WITHOUT ROWID;
-- Money set aside for one verdict. Open (settled IS NULL) and its holder alive: held. Open otherwise: lost,
-- booked as its most for ever, as nobody knows whether the provider charged for it. Holder 0 has given up.
CREATE TABLE holds (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    service TEXT NOT NULL,
    day TEXT NOT NULL,
    judge TEXT NOT NULL,
    version TEXT NOT NULL,
    key TEXT NOT NULL,
    repeat INTEGER NOT NULL,
    most INTEGER NOT NULL,
    settled INTEGER,
    holder INTEGER NOT NULL
);
-- Answers `open_holds`: few rows, as only calls under way and lost ones are open.
CREATE INDEX open_holds ON holds (holder, day) WHERE settled IS NULL;
-- What all holds of a scope come to, so that no hold adds up the others.
CREATE TABLE totals (
    kind TEXT NOT NULL,       -- run, day or service
    day TEXT NOT NULL,        -- '' of a run
    name TEXT NOT NULL,       -- of the run or the service, '' of a day
    settled INTEGER NOT NULL,
    open INTEGER NOT NULL,
    PRIMARY KEY (kind, day, name)
) WITHOUT ROWID;
-- One verdict per run, judge and sample, as canonical JSON.
CREATE TABLE verdicts (
    run_id TEXT NOT NULL,
    judge TEXT NOT NULL,
    version TEXT NOT NULL,
    key TEXT NOT NULL,
    repeat INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    PRIMARY KEY (run_id, judge, version, key, repeat)
);
-- Good replies by request, for all runs.
CREATE TABLE replies (
    key TEXT PRIMARY KEY,
    day TEXT NOT NULL,
    reply TEXT NOT NULL
);
