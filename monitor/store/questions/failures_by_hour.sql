-- Failures and looks of every rate series of a service by hour: calls by when they were made, scores by when they
-- were told. A score counts as failed when its value is 0 or less; scores on other scales are left out, and so
-- are checks that are only told of failures. Parameters: service, since, until. Columns: series, hour, count, n.
SELECT series, hour, toUInt64(sum(failed)) AS count, toUInt64(sum(looked)) AS n
FROM (
    SELECT 'call/error' AS series, toStartOfHour(toDateTime(timestamp, 'UTC')) AS hour, toUInt64(status = 'error') AS failed, 1 AS looked
    FROM calls FINAL
    WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
    UNION ALL
    SELECT concat(source, '/', name) AS series, toStartOfHour(toDateTime(timestamp, 'UTC')) AS hour, toUInt64(value <= 0) AS failed, 1 AS looked
    FROM scores FINAL
    WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
      AND target = 'call' AND value IN (-1, 0, 1) AND name NOT IN ('year_slip', 'rollover')
)
GROUP BY series, hour
ORDER BY series, hour
