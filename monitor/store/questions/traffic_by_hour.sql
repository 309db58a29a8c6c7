-- Traffic of every service by hour: LLM calls, and other steps for services that make no calls. Resent rows may count
-- twice here; a habit does not mind, and FINAL would read all columns of the key. Parameters: since, until.
-- Columns: kind (calls or steps), service, hour, count, last (the time of the hour's last row).
SELECT 'calls' AS kind, service, toStartOfHour(toDateTime(timestamp, 'UTC')) AS hour, count() AS count, max(timestamp) AS last
FROM calls
WHERE timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
GROUP BY service, hour
UNION ALL
SELECT 'steps' AS kind, service, toStartOfHour(toDateTime(timestamp, 'UTC')) AS hour, count() AS count, max(timestamp) AS last
FROM steps
WHERE timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
GROUP BY service, hour
