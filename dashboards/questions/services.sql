-- One line per service: volume, errors, latency, tokens, cost.
-- Parameters: since, until (DateTime64(3)); service, release, environment, model, prompt_version,
--   tag_key, tag_value (String, '' = any).
-- Columns: service, calls, errors, error_share (of all calls made, where the sender keeps a share of them),
--   abandoned, p50_ms, p95_ms, p99_ms, ttft_p50_ms and ttft_p95_ms (NULL: nobody streams), input_tokens, output_tokens, cost_usd (of the
--   calls whose cost is known), unpriced, last_call.
SELECT
    service,
    sum(f.calls) AS calls,
    sum(f.errors) AS errors,
    sum(f.weight_failed) / sum(f.weight) AS error_share,
    sum(f.abandoned) AS abandoned,
    quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(f.took)[1] AS p50_ms,
    quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(f.took)[2] AS p95_ms,
    quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(f.took)[3] AS p99_ms,
    if(isNaN(quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(f.first_token)[1] AS ttft), NULL, ttft) AS ttft_p50_ms,
    if(isNaN(quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(f.first_token)[2] AS ttft_95), NULL, ttft_95) AS ttft_p95_ms,
    sum(f.input_tokens) AS input_tokens,
    sum(f.output_tokens) AS output_tokens,
    sum(f.cost_usd) AS cost_usd,
    sum(f.unpriced) AS unpriced,
    max(f.last_call) AS last_call
FROM call_figures(since = {since:DateTime64(3)}, until = {until:DateTime64(3)}, service = {service:String}, release = {release:String},
    environment = {environment:String}, model = {model:String}, prompt_version = {prompt_version:String},
    tag_key = {tag_key:String}, tag_value = {tag_value:String}, step_s = 3600) AS f
GROUP BY service
ORDER BY calls DESC
LIMIT 200
