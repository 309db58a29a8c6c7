-- Volume, errors, latency, tokens and cost over time.
-- Parameters: since, until (DateTime64(3)); service, release, environment, model, prompt_version,
--   tag_key, tag_value (String, '' = any); bucket_s (UInt32).
-- Columns: bucket, calls, errors, p50_ms, p95_ms, input_tokens, output_tokens, cost_usd.
SELECT
    toDateTime(intDiv(toUnixTimestamp(timestamp), {bucket_s:UInt32}) * {bucket_s:UInt32}, 'UTC') AS bucket,
    count() AS calls,
    countIf(status = 'error') AS errors,
    quantile(0.5)(duration_ms) AS p50_ms,
    quantile(0.95)(duration_ms) AS p95_ms,
    sum(ifNull(input_tokens, 0)) AS input_tokens,
    sum(ifNull(output_tokens, 0)) AS output_tokens,
    sum(ifNull(calls.cost_usd, 0)) AS cost_usd
FROM calls FINAL
WHERE timestamp >= {since:DateTime64(3)} AND timestamp < {until:DateTime64(3)}
  AND ({service:String} = '' OR service = {service:String})
  AND ({release:String} = '' OR release = {release:String})
  AND ({environment:String} = '' OR environment = {environment:String})
  AND ({model:String} = '' OR request_model = {model:String})
  AND ({prompt_version:String} = '' OR prompt_version = {prompt_version:String})
  AND ({tag_key:String} = '' OR tags[{tag_key:String}] = {tag_value:String})
GROUP BY bucket
ORDER BY bucket
LIMIT 5000
