-- Failures of every score series on calls made before and after a moment, the 60 days before it. Judges and
-- outcomes are counted by the time of their call; of judges' verdicts a uniform sample of each hour, as in
-- failures_by_hour. Parameters: service, started, until.
-- Columns: source, name, before, before_n, after, after_n.
SELECT source, name,
    countIf(made < {started:DateTime64(9)} AND value <= 0) AS before, countIf(made < {started:DateTime64(9)}) AS before_n,
    countIf(made >= {started:DateTime64(9)} AND value <= 0) AS after, countIf(made >= {started:DateTime64(9)}) AS after_n
FROM (
    SELECT score.source AS source, score.name AS name, score.value AS value, call.timestamp AS made
    FROM (
        SELECT source, name, value, trace_id, span_id
        FROM (
            SELECT source, name, value, trace_id, span_id, if(source = 'judge', reinterpretAsUInt64(reverse(substring(SHA256(concat('outerloop-judge:', trace_id, ':', span_id)), 1, 8))) / 18446744073709551616, 0) AS place,
                min(sampling_probability) OVER (PARTITION BY source, name, toStartOfHour(toDateTime(observed_at, 'UTC'))) AS least
            FROM scores FINAL
            WHERE service = {service:String} AND target = 'call' AND value IN (-1, 0, 1) AND name != 'rollover' AND NOT endsWith(name, '_slip')
        )
        WHERE place < least
    ) AS score
    INNER JOIN (
        SELECT timestamp, trace_id, span_id FROM calls
        WHERE service = {service:String} AND timestamp >= {started:DateTime64(9)} - INTERVAL 60 DAY AND timestamp < {until:DateTime64(9)}
    ) AS call USING (trace_id, span_id)
)
GROUP BY source, name
ORDER BY source, name
