-- How many calls a service made on each day that had any, in order. Parameters: service, since, until. Columns: day, calls.
SELECT toDate(timestamp, 'UTC') AS day, count() AS calls
FROM calls
WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
GROUP BY day
ORDER BY day
