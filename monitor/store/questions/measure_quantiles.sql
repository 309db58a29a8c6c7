-- Median, 90 % and 99 % quantile of latency, time to first token, input tokens, output tokens and cost of a service's
-- calls that did not fail, of the uniform sample that `measures_by_hour` looks at: a sender that keeps a share of its calls
-- and all that are slow is measured by the share alone.
-- Parameters: service, since, until. Columns: measure, levels (3, not a number where unknown).
SELECT tupleElement(one, 1) AS measure, quantiles(0.5, 0.9, 0.99)(tupleElement(one, 2)) AS levels
FROM (
    SELECT arrayJoin(arrayFilter(pair -> isNotNull(tupleElement(pair, 2)) AND isFinite(assumeNotNull(tupleElement(pair, 2))), [
        ('duration_ms', toNullable(duration_ms)), ('time_to_first_token_ms', time_to_first_token_ms),
        ('input_tokens', toFloat64(input_tokens)), ('output_tokens', toFloat64(output_tokens)), ('cost_usd', cost_usd)])) AS one
    FROM (
        SELECT duration_ms, time_to_first_token_ms, input_tokens, output_tokens, cost_usd, status,
            1 - (reinterpretAsUInt64(reverse(unhex(concat('00', leftPad(right(trace_id, 14), 14, '0'))))) + 1) / 72057594037927936 AS place,
            min(sampling_probability) OVER (PARTITION BY toStartOfHour(toDateTime(timestamp, 'UTC'))) AS least
        FROM calls FINAL
        WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
    )
    WHERE status != 'error' AND (least = 1 OR place < least)
)
GROUP BY measure
ORDER BY measure
