-- Calls of a service by day and release. Parameters: service, since, until. Columns: day, release, n.
SELECT toDate(timestamp, 'UTC') AS day, release, count() AS n
FROM calls FINAL
WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
GROUP BY day, release
ORDER BY day, release
