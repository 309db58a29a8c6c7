-- Services whose calls or spans carry times after `now`: their clock is ahead of ours. Parameter: now.
-- Columns: service, ahead_s (of the latest row), count.
SELECT service, max(ahead) AS ahead_s, sum(1) AS count
FROM (
    SELECT service, dateDiff('second', {now:DateTime64(9)}, timestamp) AS ahead
    FROM calls WHERE timestamp > {now:DateTime64(9)}
    UNION ALL
    SELECT ServiceName AS service, dateDiff('second', {now:DateTime64(9)}, Timestamp) AS ahead
    FROM otel_traces WHERE Timestamp > {now:DateTime64(9)}
)
GROUP BY service
ORDER BY service
