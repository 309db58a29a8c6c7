-- Minutes whose account does not balance: accepted is not stored plus refused, by signal, minute of arrival and service.
-- What is younger, or still waits in a collector's log, may rightly differ. Parameters: since, until.
-- Columns: signal, service, minute, difference (accepted minus stored minus refused).
SELECT signal, service, minute,
    sumIf(toInt64(count), entry = 'accepted') - sumIf(toInt64(count), entry IN ('stored', 'refused')) AS difference
FROM ledger
WHERE minute >= toDateTime({since:DateTime64(3)}) AND minute < toDateTime({until:DateTime64(3)})
  AND signal IN ('traces', 'logs')
GROUP BY signal, service, minute
HAVING difference != 0
ORDER BY minute, signal, service
