-- How often each score failed on the calls of the window, whenever the score was told. A value of 0 or less is a
-- failure; a graded score (largest above 1) is shown by its mean. A score counts once: an outcome
-- of a trace that was joined to its call is the same outcome. A verdict that is none (NaN) is left out, and one that was
-- drawn with probability p counts 1/p (Hájek's mean). A detector's finding marks single calls and is no rate.
-- Parameters: since, until (DateTime64(3)); service, release, environment, model, prompt_version,
--   tag_key, tag_value (String, '' = any).
-- Columns: service, source, name, n (scores), failures, rate (of failures), n_eff (Kish's), mean, largest, traces (with that score), all_traces,
--   delay_p95_s (from a call until its score became true, 95 % quantile in the window).
WITH traces AS (
    SELECT trace_id, any(service) AS of_service, min(calls.timestamp) AS called_at
    FROM calls FINAL
    WHERE timestamp >= {since:DateTime64(3)} AND timestamp < {until:DateTime64(3)}
      AND ({service:String} = '' OR service = {service:String})
      AND ({release:String} = '' OR release = {release:String})
      AND ({environment:String} = '' OR environment = {environment:String})
      AND ({model:String} = '' OR request_model = {model:String})
      AND ({prompt_version:String} = '' OR prompt_version = {prompt_version:String})
      AND ({tag_key:String} = '' OR tags[{tag_key:String}] = {tag_value:String})
    GROUP BY trace_id
)
SELECT
    traces.of_service AS service, judged.source AS source, judged.name AS name,
    uniqExact(judged.told) AS n,
    uniqExactIf(judged.told, judged.value <= 0) AS failures,
    sumIf(judged.weight, judged.value <= 0) / sum(judged.weight) AS rate,
    least(toFloat64(n), sum(judged.weight) * sum(judged.weight) / sum(judged.weight * judged.weight)) AS n_eff,
    sum(judged.weight * judged.value) / sum(judged.weight) AS mean,
    max(judged.value) AS largest,
    uniqExact(traces.trace_id) AS traces,
    any(totals.all_traces) AS all_traces,
    quantile(0.95)(greatest(0, dateDiff('second', traces.called_at, judged.observed_at))) AS delay_p95_s
FROM (
    SELECT trace_id, source, name, value, observed_at, replaceOne(score_id, 'joined:', '') AS told,
        1 / sampling_probability AS weight
    FROM scores FINAL
    WHERE trace_id != '' AND NOT isNaN(value) AND sampling_probability > 0 AND name NOT IN (SELECT detector FROM checks)
) AS judged
INNER JOIN traces ON judged.trace_id = traces.trace_id
INNER JOIN (SELECT of_service, count() AS all_traces FROM traces GROUP BY of_service) AS totals
    ON totals.of_service = traces.of_service
GROUP BY service, source, name
ORDER BY service, source, name
LIMIT 1000
