-- How long the runs of one job take over time, skipped ones aside.
-- Parameters: job (String), since, until (DateTime64(3)), bucket_s (UInt32).
-- Columns: bucket, runs, failed, p50_ms, longest_ms.
SELECT
    toDateTime(intDiv(toUnixTimestamp(started_at), {bucket_s:UInt32}) * {bucket_s:UInt32}, 'UTC') AS bucket,
    count() AS runs, countIf(outcome = 'failed') AS failed, quantile(0.5)(duration_ms) AS p50_ms, max(duration_ms) AS longest_ms
FROM job_runs
WHERE job = {job:String} AND outcome != 'skipped'
  AND started_at >= {since:DateTime64(3)} AND started_at < {until:DateTime64(3)}
GROUP BY bucket
ORDER BY bucket
LIMIT 1000
