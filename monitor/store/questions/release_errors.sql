-- Calls of some releases of a service by hour, and how many of them failed outright.
-- Parameters: service, releases, since, until (of the call). Columns: release, hour (since 1970), count, n.
SELECT release, toUInt32(intDiv(toUnixTimestamp(timestamp), 3600)) AS hour, countIf(status = 'error') AS count, count() AS n
FROM calls FINAL
WHERE service = {service:String} AND has({releases:Array(String)}, release)
  AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
GROUP BY release, hour
ORDER BY release, hour
