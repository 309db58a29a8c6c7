-- When a service's first call was made and how many there are before a moment. Parameters: service, until. Columns: first, n.
SELECT min(timestamp) AS first, count() AS n
FROM calls FINAL
WHERE service = {service:String} AND timestamp < {until:DateTime64(9)}
