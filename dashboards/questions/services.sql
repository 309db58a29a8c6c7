-- One line per service: volume, errors, latency, tokens, cost.
-- Parameters: since, until (DateTime64(3)); service, release, environment, model, prompt_version,
--   tag_key, tag_value (String, '' = any).
-- Columns: service, calls, errors, error_share (of all calls made, where the sender keeps a share of them),
--   abandoned, p50_ms, p95_ms, p99_ms, ttft_p50_ms (NULL: nobody streams), input_tokens, output_tokens, cost_usd (of the calls whose cost is known), unpriced, last_call.
SELECT
    service,
    count() AS calls,
    countIf(status = 'error') AS errors,
    sumIf(1 / sampling_probability, status = 'error') / sum(1 / sampling_probability) AS error_share,
    countIf(status = 'abandoned') AS abandoned,
    quantile(0.5)(duration_ms) AS p50_ms,
    quantile(0.95)(duration_ms) AS p95_ms,
    quantile(0.99)(duration_ms) AS p99_ms,
    quantileOrNull(0.5)(time_to_first_token_ms) AS ttft_p50_ms,
    sum(ifNull(input_tokens, 0)) AS input_tokens,
    sum(ifNull(output_tokens, 0)) AS output_tokens,
    sum(ifNull(calls.cost_usd, 0)) AS cost_usd,
    countIf(calls.cost_usd IS NULL) AS unpriced,
    max(timestamp) AS last_call
FROM calls FINAL
WHERE timestamp >= {since:DateTime64(3)} AND timestamp < {until:DateTime64(3)}
  AND ({service:String} = '' OR service = {service:String})
  AND ({release:String} = '' OR release = {release:String})
  AND ({environment:String} = '' OR environment = {environment:String})
  AND ({model:String} = '' OR request_model = {model:String})
  AND ({prompt_version:String} = '' OR prompt_version = {prompt_version:String})
  AND ({tag_key:String} = '' OR tags[{tag_key:String}] = {tag_value:String})
GROUP BY service
ORDER BY calls DESC
LIMIT 200
