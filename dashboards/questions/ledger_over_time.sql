-- The collector's account over time.
-- Parameters: since, until (DateTime64(3)), bucket_s (UInt32).
-- Columns: bucket, entry, count.
SELECT
    toDateTime(intDiv(toUnixTimestamp(minute), {bucket_s:UInt32}) * {bucket_s:UInt32}, 'UTC') AS bucket,
    entry, sum(ledger.count) AS count
FROM ledger
WHERE minute >= toDateTime({since:DateTime64(3)}) AND minute < toDateTime({until:DateTime64(3)})
GROUP BY bucket, entry
ORDER BY bucket, entry
LIMIT 20000
