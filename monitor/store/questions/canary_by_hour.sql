-- Two releases side by side: events and looks by hour of the call, for every hour in which both answered. Series are
-- `call/error` (a call that did not end well) and `source/name` of every score of -1, 0 or 1, an event being a value of 0
-- or less; checks that are only told of failures are left out. Of judges' verdicts, which were drawn with unequal
-- probability, those count that the least probability of the hour would have drawn too (as in signals_by_hour).
-- Parameters: service, since, until, candidate, production (releases).
-- Columns: series, hour (since 1970), count, n (of the candidate), others, others_n (of production).
WITH both AS (
    SELECT trace_id, span_id, release, toUInt32(intDiv(toUnixTimestamp(timestamp), 3600)) AS hour, status
    FROM calls FINAL
    WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
      AND release IN ({candidate:String}, {production:String}) AND operation != 'embeddings'
)
SELECT series, hour,
    toUInt64(countIf(release = {candidate:String} AND bad)) AS count, toUInt64(countIf(release = {candidate:String})) AS n,
    toUInt64(countIf(release = {production:String} AND bad)) AS others, toUInt64(countIf(release = {production:String})) AS others_n
FROM (
    SELECT 'call/error' AS series, hour, release, status != 'ok' AS bad FROM both
    UNION ALL
    SELECT series, hour, release, bad FROM (
        SELECT series, hour, release, bad, drawn, min(probability) OVER (PARTITION BY series, hour) AS least
        FROM (
            SELECT concat(source, '/', name) AS series, both.hour AS hour, both.release AS release, value <= 0 AS bad,
                sampling_probability AS probability,
                if(source = 'judge', reinterpretAsUInt64(reverse(substring(SHA256(concat('outerloop-judge:', score.trace_id, ':', score.span_id)), 1, 8))) / 18446744073709551616, 0) AS drawn
            FROM (
                SELECT source, name, value, sampling_probability, trace_id, span_id
                FROM scores FINAL
                WHERE service = {service:String} AND target = 'call' AND timestamp >= {since:DateTime64(9)} AND value IN (-1, 0, 1)
                  AND name NOT IN ('year_slip', 'rollover', 'regenerate', 'abandon', 'copy')
            ) AS score
            INNER JOIN both ON score.trace_id = both.trace_id AND score.span_id = both.span_id
        )
    )
    WHERE drawn < least
)
GROUP BY series, hour
HAVING n > 0 AND others_n > 0
ORDER BY series, hour
