-- The collector's account over a window of arrival: how many of each signal were accepted, stored, refused, by reason.
-- Parameters: since, until (DateTime64(3)).
-- Columns: signal, entry, reason, count.
SELECT signal, entry, reason, sum(ledger.count) AS count
FROM ledger
WHERE minute >= toDateTime({since:DateTime64(3)}) AND minute < toDateTime({until:DateTime64(3)})
GROUP BY signal, entry, reason
ORDER BY signal, entry, reason
LIMIT 500
