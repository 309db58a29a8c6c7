-- Every job: how often it ran, how often it failed, how long it takes, and its last run.
-- Parameters: since, until (DateTime64(3)).
-- Columns: job, runs, failed, p95_ms, last_started, last_outcome, last_error.
SELECT
    job, count() AS runs, countIf(outcome = 'failed') AS failed,
    quantile(0.95)(duration_ms) AS p95_ms,
    max(started_at) AS last_started,
    argMax(outcome, started_at) AS last_outcome,
    leftUTF8(argMaxIf(error, started_at, error != ''), 2000) AS last_error
FROM job_runs
WHERE started_at >= {since:DateTime64(3)} AND started_at < {until:DateTime64(3)}
GROUP BY job
ORDER BY failed DESC, job
LIMIT 200
