-- Failures of every two-valued score over the time of the calls (not of the telling), as in quality.
-- Parameters: since, until (DateTime64(3)); service, release, environment, model, prompt_version,
--   tag_key, tag_value (String, '' = any); bucket_s (UInt32).
-- A verdict that was drawn with probability p counts 1/p: n is Kish's effective number, failures their part of it.
-- Columns: bucket, source, name, n, failures.
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
    toDateTime(intDiv(toUnixTimestamp(traces.called_at), {bucket_s:UInt32}) * {bucket_s:UInt32}, 'UTC') AS bucket,
    judged.source AS source, judged.name AS name,
    least(toFloat64(uniqExact(judged.told)),
        sum(judged.weight) * sum(judged.weight) / sum(judged.weight * judged.weight)) AS n,
    n * sumIf(judged.weight, judged.value <= 0) / sum(judged.weight) AS failures
FROM (
    SELECT trace_id, source, name, value, replaceOne(score_id, 'joined:', '') AS told, 1 / sampling_probability AS weight
    FROM scores FINAL
    WHERE trace_id != '' AND value <= 1 AND NOT isNaN(value) AND sampling_probability > 0 AND name NOT IN (SELECT detector FROM checks)
) AS judged
INNER JOIN traces ON judged.trace_id = traces.trace_id
GROUP BY bucket, source, name
ORDER BY bucket, source, name
LIMIT 20000
