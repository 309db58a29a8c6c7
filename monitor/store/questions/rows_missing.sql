-- Services of which the collector stored spans between `since` and `until`, by its account, that have fewer rows than
-- that in `otel_traces` altogether: their rows vanish. Parameters: since, until. Columns: service, stored, present, first.
SELECT account.service AS service, account.stored AS stored, count_of.present AS present, account.first AS first
FROM (
    SELECT service, sum(count) AS stored, min(minute) AS first
    FROM ledger
    WHERE signal = 'traces' AND entry = 'stored'
      AND minute >= toDateTime({since:DateTime64(3)}) AND minute < toDateTime({until:DateTime64(3)})
    GROUP BY service
) AS account
LEFT JOIN (
    SELECT ServiceName AS service, count() AS present FROM otel_traces GROUP BY ServiceName
) AS count_of ON account.service = count_of.service
WHERE account.stored > count_of.present
ORDER BY service
