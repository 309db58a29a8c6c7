-- The latest run of every job. Columns: job, window_end, outcome, duration_ms, counts, error.
SELECT job, window_end, outcome, duration_ms, counts, error
FROM job_runs
ORDER BY job, window_end DESC, finished_at DESC
LIMIT 1 BY job
