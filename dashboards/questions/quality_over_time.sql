-- Failures of every two-valued score over the time of the calls (not of the telling), as in quality.
-- Parameters: since, until (DateTime64(3)); service, release, environment, model, prompt_version,
--   tag_key, tag_value (String, '' = any); bucket_s (UInt32).
-- A verdict that was drawn with probability p counts 1/p: n is Kish's effective number, failures their part of it.
-- Columns: bucket, source, name, n, failures.
SELECT
    toDateTime(intDiv(toUnixTimestamp(f.at), {bucket_s:UInt32}) * {bucket_s:UInt32}, 'UTC') AS bucket,
    source, name,
    least(toFloat64(sum(f.n)), sum(f.weight) * sum(f.weight) / sum(f.weight_squared)) AS n,
    least(toFloat64(sum(f.n)), sum(f.weight) * sum(f.weight) / sum(f.weight_squared))
        * sum(f.weight_failed) / sum(f.weight) AS failures
FROM scored_figures(since = {since:DateTime64(3)}, until = {until:DateTime64(3)}, service = {service:String}, release = {release:String},
    environment = {environment:String}, model = {model:String}, prompt_version = {prompt_version:String},
    tag_key = {tag_key:String}, tag_value = {tag_value:String}, step_s = {bucket_s:UInt32}) AS f
WHERE source != ''
GROUP BY bucket, source, name
HAVING max(f.largest) <= 1
ORDER BY bucket, source, name
LIMIT 20000
