-- How many calls there are, what they cost and how fast they were; the exact figure above every list.
-- Parameters: since, until (DateTime64(3)); service, release, environment, model, prompt_version,
--   tag_key, tag_value (String, '' = any);
--   search (String, '' = any), status (String, '' = any), score (String, '' = any: name of a score that failed).
-- Columns: calls, errors, error_share (of all calls made, where a sender keeps a share of them; NULL when there are none), cost_usd, unpriced, p50_ms, p99_ms (NULL when there are no calls).
SELECT
    count() AS calls,
    countIf(status = 'error') AS errors,
    sumIfOrNull(1 / sampling_probability, status = 'error') / sumOrNull(1 / sampling_probability) AS error_share,
    sum(ifNull(calls.cost_usd, 0)) AS cost_usd,
    countIf(calls.cost_usd IS NULL) AS unpriced,
    quantileOrNull(0.5)(duration_ms) AS p50_ms,
    quantileOrNull(0.99)(duration_ms) AS p99_ms
FROM calls FINAL
WHERE timestamp >= {since:DateTime64(3)} AND timestamp < {until:DateTime64(3)}
  AND ({service:String} = '' OR service = {service:String})
  AND ({release:String} = '' OR release = {release:String})
  AND ({environment:String} = '' OR environment = {environment:String})
  AND ({model:String} = '' OR request_model = {model:String})
  AND ({prompt_version:String} = '' OR prompt_version = {prompt_version:String})
  AND ({tag_key:String} = '' OR tags[{tag_key:String}] = {tag_value:String})
  AND ({status:String} = '' OR status = {status:String})
  AND ({search:String} = '' OR positionCaseInsensitiveUTF8(input, {search:String}) > 0
       OR positionCaseInsensitiveUTF8(output, {search:String}) > 0 OR trace_id = {search:String})
  AND ({score:String} = '' OR trace_id IN (
       SELECT trace_id FROM scores FINAL WHERE name = {score:String} AND value <= 0))
