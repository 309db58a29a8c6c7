-- What befell beside being stored, by service and reason, in a window of arrival: spans, log records or requests that
-- were refused, rejected or dropped. Parameters: since, until. Columns: entry, signal, service, reason, count, first, last
-- (minutes).
SELECT entry, signal, service, reason, sum(count) AS count, min(minute) AS first, max(minute) AS last
FROM ledger
WHERE minute >= toDateTime({since:DateTime64(3)}) AND minute < toDateTime({until:DateTime64(3)})
  AND entry IN ('refused', 'rejected', 'dropped')
GROUP BY entry, signal, service, reason
HAVING count > 0
ORDER BY entry, signal, service, reason
