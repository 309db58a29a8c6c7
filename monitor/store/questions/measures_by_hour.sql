-- What went wrong in the calls of a service by hour, for all calls (slice '') and for each slice that is asked for, in
-- one pass: failed, given up, refused, and how many lay above each of the thresholds of latency, time to first token,
-- input tokens, output tokens and cost (three thresholds each, in that order; looked at in calls that did not fail).
-- A sender that keeps a share of its calls and all that fail is counted by the share alone, as its trace id says
-- (`monitor.sdk.sampling`). Parameters: service, since, until, slices, thresholds (15).
-- Columns: slice, hour (since 1970), counts, ns (18 each).
SELECT slice, toUInt32(intDiv(toUnixTimestamp(hour), 3600)) AS hour, sumForEach(hits) AS counts, sumForEach(looks) AS ns
FROM (
    SELECT hour, arrayJoin(arrayFilter(one -> one = '' OR has({slices:Array(String)}, one), labels)) AS slice,
        arrayMap(one -> toUInt64(one), arrayConcat([failed, left, refused],
            arrayMap((value, threshold) -> ifNull(value > threshold, 0), values, {thresholds:Array(Float64)}))) AS hits,
        arrayMap(one -> toUInt64(one), arrayConcat([1, 1, 1], arrayMap(value -> isNotNull(value), values))) AS looks
    FROM (
        SELECT toStartOfHour(toDateTime(timestamp, 'UTC')) AS hour,
            status = 'error' AS failed, status = 'abandoned' AS left,
            finish_reason IN ('content_filter', 'refusal', 'safety') AS refused,
            arrayFlatten(arrayMap(value -> [value, value, value], arrayMap(value -> if(failed OR NOT isFinite(value), NULL, value),
                [toNullable(duration_ms), time_to_first_token_ms, toFloat64(input_tokens), toFloat64(output_tokens), cost_usd]))) AS values,
            arrayConcat(['', concat('release=', release), concat('model=', request_model), concat('prompt version=', prompt_version)],
                arrayMap((name, value) -> concat('tag ', name, '=', value), mapKeys(tags), mapValues(tags))) AS labels,
            1 - (reinterpretAsUInt64(reverse(unhex(concat('00', leftPad(right(trace_id, 14), 14, '0'))))) + 1) / 72057594037927936 AS place,
            min(sampling_probability) OVER (PARTITION BY toStartOfHour(toDateTime(timestamp, 'UTC'))) AS least
        FROM calls FINAL
        WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
    )
    WHERE least = 1 OR place < least
)
GROUP BY slice, hour
ORDER BY slice, hour
