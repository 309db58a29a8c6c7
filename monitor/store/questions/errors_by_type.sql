-- Failed calls of a service by error type and hour, of the uniform sample that `measures_by_hour` looks at: a sender that
-- keeps a share of its calls and all that fail is counted by the share alone. Parameters: service, since, until.
-- Columns: error_type, hour (since 1970), count.
SELECT error_type, toUInt32(intDiv(toUnixTimestamp(hour), 3600)) AS hour, count() AS count
FROM (
    SELECT error_type, status, toStartOfHour(toDateTime(timestamp, 'UTC')) AS hour,
        1 - (reinterpretAsUInt64(reverse(unhex(concat('00', leftPad(right(trace_id, 14), 14, '0'))))) + 1) / 72057594037927936 AS place,
        min(sampling_probability) OVER (PARTITION BY toStartOfHour(toDateTime(timestamp, 'UTC'))) AS least
    FROM calls FINAL
    WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
) AS call
WHERE status = 'error' AND error_type != '' AND (least = 1 OR place < least)
GROUP BY error_type, call.hour
ORDER BY error_type, hour
