-- Failed calls of a service by error type and hour. Parameters: service, since, until.
-- Columns: error_type, hour (since 1970), count.
SELECT error_type, toUInt32(intDiv(toUnixTimestamp(timestamp), 3600)) AS hour, count() AS count
FROM calls FINAL
WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
  AND status = 'error' AND error_type != '' AND sampling_probability = 1
GROUP BY error_type, hour
ORDER BY error_type, hour
