-- Every job: how often it ran, how often it failed, how long it takes, and its last run.
-- Parameters: since, until (DateTime64(3)).
-- Columns: job, runs, failed, skipped, p50_ms, p95_ms, longest_ms, last_started, last_window_end, last_outcome, last_error (the
-- latest there was), last_error_at (1970 where there was none).
SELECT
    job, count() AS runs, countIf(outcome = 'failed') AS failed, countIf(outcome = 'skipped') AS skipped,
    quantileIf(0.5)(duration_ms, outcome != 'skipped') AS p50_ms,
    quantileIf(0.95)(duration_ms, outcome != 'skipped') AS p95_ms,
    maxIf(duration_ms, outcome != 'skipped') AS longest_ms,
    max(started_at) AS last_started,
    argMax(window_end, started_at) AS last_window_end,
    argMax(outcome, started_at) AS last_outcome,
    leftUTF8(argMaxIf(error, started_at, error != '' AND outcome = 'failed'), 4000) AS last_error,
    maxIf(started_at, error != '' AND outcome = 'failed') AS last_error_at
FROM job_runs
WHERE started_at >= {since:DateTime64(3)} AND started_at < {until:DateTime64(3)}
GROUP BY job
ORDER BY failed DESC, job
LIMIT 200
