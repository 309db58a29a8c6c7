-- Which scores a service's calls have, on what scale, and how late they are told: `graded` when a value is none of -1, 0
-- and 1. Parameters: service, since, until (when told). Columns: source, name, n, graded, levels (median, 10 % and 1 %
-- quantile), delay_hours (95 % quantile from the call to the word).
SELECT source, name, count() AS n, toBool(countIf(value NOT IN (-1, 0, 1)) > 0) AS graded,
    quantiles(0.5, 0.1, 0.01)(value) AS levels,
    ifNotFinite(quantileIf(0.95)(dateDiff('second', called, told) / 3600, called > toDateTime64(0, 9)), 0) AS delay_hours
FROM (
    SELECT source, name, value, timestamp AS told, trace_id, span_id
    FROM scores FINAL
    WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
      AND target = 'call' AND isFinite(value) AND name != 'rollover' AND NOT endsWith(name, '_slip')
) AS score
LEFT JOIN (
    SELECT trace_id, span_id, timestamp AS called
    FROM calls FINAL
    WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} - INTERVAL 60 DAY AND timestamp < {until:DateTime64(9)}
) AS call USING (trace_id, span_id)
GROUP BY source, name
ORDER BY source, name
