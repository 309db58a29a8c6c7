-- Median, 90 % and 99 % quantile of latency, time to first token, input tokens, output tokens and cost of a service's
-- calls that did not fail. Parameters: service, since, until. Columns: measure, levels (3, not a number where unknown).
SELECT tupleElement(one, 1) AS measure, quantiles(0.5, 0.9, 0.99)(tupleElement(one, 2)) AS levels
FROM (
    SELECT arrayJoin(arrayFilter(pair -> isNotNull(tupleElement(pair, 2)) AND isFinite(assumeNotNull(tupleElement(pair, 2))), [
        ('duration_ms', toNullable(duration_ms)), ('time_to_first_token_ms', time_to_first_token_ms),
        ('input_tokens', toFloat64(input_tokens)), ('output_tokens', toFloat64(output_tokens)), ('cost_usd', cost_usd)])) AS one
    FROM calls FINAL
    WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)} AND status != 'error'
)
GROUP BY measure
ORDER BY measure
