-- Spans and log records that the collector stored, by UTC day. Parameters: since, until (DateTime64(3)). Columns: day, records.
SELECT toDate(minute, 'UTC') AS day, sum(count) AS records
FROM ledger
WHERE entry = 'stored' AND minute >= toDateTime({since:DateTime64(3)}) AND minute < toDateTime({until:DateTime64(3)})
GROUP BY day
ORDER BY day
LIMIT 400
