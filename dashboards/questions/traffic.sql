-- Volume, errors, latency, tokens and cost over time.
-- Parameters: since, until (DateTime64(3)); service, release, environment, model, prompt_version,
--   tag_key, tag_value (String, '' = any); bucket_s (UInt32).
-- Columns: bucket, calls, errors, p50_ms, p95_ms, p99_ms, input_tokens, output_tokens, cost_usd.
SELECT
    toDateTime(intDiv(toUnixTimestamp(f.at), {bucket_s:UInt32}) * {bucket_s:UInt32}, 'UTC') AS bucket,
    sum(f.calls) AS calls,
    sum(f.errors) AS errors,
    quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(f.took)[1] AS p50_ms,
    quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(f.took)[2] AS p95_ms,
    quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(f.took)[3] AS p99_ms,
    sum(f.input_tokens) AS input_tokens,
    sum(f.output_tokens) AS output_tokens,
    sum(f.cost_usd) AS cost_usd
FROM call_figures(since = {since:DateTime64(3)}, until = {until:DateTime64(3)}, service = {service:String}, release = {release:String},
    environment = {environment:String}, model = {model:String}, prompt_version = {prompt_version:String},
    tag_key = {tag_key:String}, tag_value = {tag_value:String}, step_s = {bucket_s:UInt32}) AS f
GROUP BY bucket
ORDER BY bucket
LIMIT 5000
