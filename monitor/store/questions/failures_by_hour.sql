-- Failures and looks of every score series of a service by hour, for all calls (slice '') and each slice that is asked
-- for, in one pass. Checks, judges and people are counted when they told; users and outcomes by the hour of the call
-- they are about, however late they come. A score of -1, 0 or 1 counts as failed when its value is 0 or less; checks
-- that are only told of failures are left out. Scores on another scale (`graded`) count as failed below each of three
-- thresholds of their own, `low`, in series `source/name<q10` and so on. Of judges' verdicts, which were drawn with
-- unequal probability, those are counted that the least probability of the hour would have drawn too (by the draw's own
-- hash, `judges.statistics.sampling.uniform`): a uniform sample, however many flagged calls were judged. So it is with calls
-- whose sender keeps a share of them and all that are slow: the share alone counts (`measures_by_hour`).
-- Parameters: service, since, until, sources, by_call (1: the hour of the call), slices, graded (`source/name`), low
-- (thresholds in the same order, three each). Columns: series, slice, hour (since 1970), count, n.
SELECT tupleElement(look, 1) AS series, slice, toUInt32(intDiv(toUnixTimestamp(hour), 3600)) AS hour,
    toUInt64(sum(tupleElement(look, 2))) AS count, toUInt64(count()) AS n
FROM (
    SELECT hour, arrayJoin(arrayFilter(one -> one = '' OR has({slices:Array(String)}, one), labels)) AS slice,
        arrayJoin(if(place = 0, [(series, toUInt8(value <= 0))],
            arrayMap((one, threshold) -> (concat(series, one), toUInt8(value < threshold)),
                ['<q50', '<q10', '<q01'], arraySlice({low:Array(Float64)}, 3 * place - 2, 3)))) AS look
    FROM (
        SELECT concat(source, '/', name) AS series, value, indexOf({graded:Array(String)}, concat(source, '/', name)) AS place,
            toStartOfHour(toDateTime(if({by_call:UInt8} = 1, called, told), 'UTC')) AS hour,
            if(empty(found), [''], found) AS labels,
            if(source = 'judge', reinterpretAsUInt64(reverse(substring(SHA256(concat('outerloop-judge:', trace_id, ':', span_id)), 1, 8))) / 18446744073709551616, 0) AS drawn,
            min(probability) OVER (PARTITION BY series, hour) AS least
        FROM (
            SELECT source, name, value, timestamp AS told, trace_id, span_id, sampling_probability AS probability
            FROM scores FINAL
            WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND ({by_call:UInt8} = 1 OR timestamp < {until:DateTime64(9)})
              AND target = 'call' AND isFinite(value) AND has({sources:Array(String)}, source)
              AND name NOT IN ('year_slip', 'rollover', 'regenerate', 'abandon', 'copy')
              AND (value IN (-1, 0, 1) OR has({graded:Array(String)}, concat(source, '/', name)))
        ) AS score
        LEFT JOIN (
            SELECT trace_id, span_id, timestamp AS called,
                1 - (reinterpretAsUInt64(reverse(unhex(concat('00', leftPad(right(trace_id, 14), 14, '0'))))) + 1) / 72057594037927936 AS stands,
                min(sampling_probability) OVER (PARTITION BY toStartOfHour(toDateTime(timestamp, 'UTC'))) AS kept,
                arrayConcat(['', concat('release=', release), concat('model=', request_model), concat('prompt version=', prompt_version)],
                    arrayMap((name, value) -> concat('tag ', name, '=', value), mapKeys(tags), mapValues(tags))) AS found
            FROM calls FINAL
            WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} - INTERVAL if({by_call:UInt8} = 1, 0, 14) DAY
              AND timestamp < {until:DateTime64(9)}
        ) AS call USING (trace_id, span_id)
        WHERE if(empty(found), {by_call:UInt8} = 0, kept = 1 OR stands < kept)
    )
    WHERE drawn < least
)
GROUP BY series, slice, hour
ORDER BY series, slice, hour
