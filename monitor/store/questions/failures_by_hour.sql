-- Failures and looks of every rate series of a service by hour: calls by when they were made, scores by when they
-- were told. A score counts as failed when its value is 0 or less; scores on other scales are left out, and so
-- are checks that are only told of failures. Of judges' verdicts, which were drawn with unequal probability, those are
-- counted that the least probability of the hour would have drawn too (by the draw's own hash, `judges.statistics.sampling.uniform`):
-- a uniform sample, however many flagged calls were judged; and so of calls whose sender keeps a share and all that fail
-- (by the trace id, as the sender chose: `monitor.sdk.sampling`). Parameters: service, since, until. Columns: series, hour, count, n.
SELECT series, hour, toUInt64(sum(failed)) AS count, toUInt64(sum(looked)) AS n
FROM (
    SELECT 'call/error' AS series, hour, failed, 1 AS looked
    FROM (
        SELECT toStartOfHour(toDateTime(timestamp, 'UTC')) AS hour, toUInt64(status = 'error') AS failed,
            1 - (reinterpretAsUInt64(reverse(unhex(concat('00', leftPad(right(trace_id, 14), 14, '0'))))) + 1) / 72057594037927936 AS place,
            min(sampling_probability) OVER (PARTITION BY toStartOfHour(toDateTime(timestamp, 'UTC'))) AS least
        FROM calls FINAL
        WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
    )
    WHERE least = 1 OR place < least
    UNION ALL
    SELECT concat(source, '/', name) AS series, hour, failed, 1 AS looked
    FROM (
        SELECT source, name, toStartOfHour(toDateTime(timestamp, 'UTC')) AS hour, toUInt64(value <= 0) AS failed,
            if(source = 'judge', reinterpretAsUInt64(reverse(substring(SHA256(concat('outerloop-judge:', trace_id, ':', span_id)), 1, 8))) / 18446744073709551616, 0) AS place,
            min(sampling_probability) OVER (PARTITION BY source, name, toStartOfHour(toDateTime(timestamp, 'UTC'))) AS least
        FROM scores FINAL
        WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
          AND target = 'call' AND value IN (-1, 0, 1) AND name NOT IN ('year_slip', 'rollover')
    )
    WHERE place < least
)
GROUP BY series, hour
ORDER BY series, hour
