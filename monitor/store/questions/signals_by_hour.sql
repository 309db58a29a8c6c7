-- Calls of a service whose user asked again, walked away or copied the answer, by the hour of the call, for all calls
-- (slice '') and each slice that is asked for. These are only told when they happen, so every call counts as looked at.
-- Of calls whose sender keeps a share of them, the share counts, as in `measures_by_hour`.
-- Parameters: service, since, until (of the call), slices. Columns: slice, hour (since 1970), counts (3), n.
SELECT slice, toUInt32(intDiv(toUnixTimestamp(hour), 3600)) AS hour, sumForEach(hits) AS counts, toUInt64(count()) AS n
FROM (
    SELECT toStartOfHour(toDateTime(timestamp, 'UTC')) AS hour,
        arrayJoin(arrayFilter(one -> one = '' OR has({slices:Array(String)}, one),
            arrayConcat(['', concat('release=', release), concat('model=', request_model), concat('prompt version=', prompt_version)],
                arrayMap((name, value) -> concat('tag ', name, '=', value), mapKeys(tags), mapValues(tags))))) AS slice,
        arrayMap(one -> toUInt64(has(told, one)), ['regenerate', 'abandon', 'copy']) AS hits
    FROM (
        SELECT timestamp, trace_id, span_id, release, request_model, prompt_version, tags,
            1 - (reinterpretAsUInt64(reverse(unhex(concat('00', leftPad(right(trace_id, 14), 14, '0'))))) + 1) / 72057594037927936 AS place,
            min(sampling_probability) OVER (PARTITION BY toStartOfHour(toDateTime(timestamp, 'UTC'))) AS least
        FROM calls FINAL
        WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
    ) AS call
    LEFT JOIN (
        SELECT trace_id, span_id, groupUniqArray(toString(name)) AS told
        FROM scores FINAL
        WHERE service = {service:String} AND source = 'user' AND target = 'call' AND name IN ('regenerate', 'abandon', 'copy')
          AND value > 0 AND timestamp >= {since:DateTime64(9)}
        GROUP BY trace_id, span_id
    ) AS signal USING (trace_id, span_id)
    WHERE least = 1 OR place < least
)
GROUP BY slice, hour
ORDER BY slice, hour
