-- Calls of a window that are events of one rate series, the latest first: failed, of an error type, given up, refused, or
-- above its baseline's quantile; or with a score that says no, or lies below one. A slice in the series' name is passed
-- over. Parameters: service, series, since, until (of the call). Columns: timestamp, trace_id, span_id, value, why.
WITH splitByString(' [', {series:String})[1] AS metric,
    splitByChar('/', metric)[1] AS source,
    substring(metric, length(source) + 2) AS of,
    splitByRegexp('[<>]q', of)[1] AS measure,
    indexOf(['50', '90', '99'], splitByString('>q', of)[2]) AS high,
    indexOf(['50', '10', '01'], splitByString('<q', of)[2]) AS low,
    ifNull((SELECT argMax(state, window_end) FROM checks WHERE service = {service:String} AND detector = 'rate_profile'), '') AS learnt,
    JSONExtract(learnt, 'cast', 'thresholds', measure, 'Array(Float64)')[high] AS above,
    JSONExtract(learnt, 'cast', 'graded', concat(source, '/', measure), 'Array(Float64)')[low] AS below
SELECT timestamp, trace_id, span_id, value, why
FROM (
    SELECT observed_at AS timestamp, trace_id, span_id, label AS value, explanation AS why
    FROM scores AS score FINAL
    WHERE service = {service:String} AND score.source = source AND score.name = measure AND target = 'call'
      AND multiIf(low > 0, score.value < below, of IN ('regenerate', 'abandon', 'copy'), score.value > 0, score.value <= 0)
      AND (trace_id, span_id) IN (
          SELECT trace_id, span_id FROM calls
          WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)})
    UNION ALL
    SELECT timestamp, trace_id, span_id, if(high > 0, toString(round(reading, 6)), toString(error_type)) AS value,
        if(high > 0, concat(measure, ' is above ', toString(round(above, 6))), error_message) AS why
    FROM (
        SELECT timestamp, trace_id, span_id, error_type, error_message, status, finish_reason,
            ifNull(multiIf(measure = 'duration_ms', toNullable(duration_ms), measure = 'time_to_first_token_ms', time_to_first_token_ms,
                measure = 'input_tokens', toFloat64(input_tokens), measure = 'output_tokens', toFloat64(output_tokens),
                measure = 'cost_usd', cost_usd, NULL), 0) AS reading
        FROM calls FINAL
        WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
    )
    WHERE source IN ('call', 'error')
      AND multiIf(source = 'error', status = 'error' AND error_type = of, of = 'error', status = 'error', of = 'abandoned', status = 'abandoned',
          of = 'refusal', finish_reason IN ('content_filter', 'refusal', 'safety'), high > 0, status != 'error' AND reading > above, 0)
)
ORDER BY timestamp DESC
