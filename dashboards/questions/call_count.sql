-- How many calls the filters leave, what they cost and how fast they were: the figures above the list.
-- Parameters: since, until (DateTime64(3)); service, release, environment, model, prompt_version,
--   tag_key, tag_value (String, '' = any).
-- Columns: calls, errors, error_share (of all calls made, where a sender keeps a share of them; NULL when there are none),
--   cost_usd, unpriced, p50_ms, p99_ms (NULL when there are no calls).
SELECT
    sum(f.calls) AS calls,
    sum(f.errors) AS errors,
    if(calls = 0, NULL, sum(f.weight_failed) / sum(f.weight)) AS error_share,
    sum(f.cost_usd) AS cost_usd,
    sum(f.unpriced) AS unpriced,
    if(calls = 0, NULL, quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(f.took)[1]) AS p50_ms,
    if(calls = 0, NULL, quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(f.took)[3]) AS p99_ms
FROM call_figures(since = {since:DateTime64(3)}, until = {until:DateTime64(3)}, service = {service:String}, release = {release:String},
    environment = {environment:String}, model = {model:String}, prompt_version = {prompt_version:String},
    tag_key = {tag_key:String}, tag_value = {tag_value:String}, step_s = 3600) AS f
