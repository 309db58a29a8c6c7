-- The newest runs of all jobs.
-- Parameters: since, until (DateTime64(3)), how_many (UInt32).
-- Columns: started_at, job, outcome, duration_ms, window_start, window_end, counts, error.
SELECT started_at, job, outcome, duration_ms, window_start, window_end, toJSONString(job_runs.counts) AS counts,
    leftUTF8(job_runs.error, 400) AS error
FROM job_runs
WHERE started_at >= {since:DateTime64(3)} AND started_at < {until:DateTime64(3)}
ORDER BY started_at DESC
LIMIT {how_many:UInt32}
