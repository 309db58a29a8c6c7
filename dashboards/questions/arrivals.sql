-- When the collector last took something, by signal, and when something was last stored. A stock collector writes none.
-- Parameters: since (DateTime64(3)). Columns: signal, last_accepted, last_stored (minutes of arrival; 1970 for never).
SELECT signal, maxIf(minute, entry = 'accepted') AS last_accepted, maxIf(minute, entry = 'stored') AS last_stored
FROM ledger
WHERE minute >= toDateTime({since:DateTime64(3)}) AND signal IN ('traces', 'logs')
GROUP BY signal
ORDER BY signal
