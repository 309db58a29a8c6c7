-- How often each score failed on the calls of the window, whenever the score was told. A value of 0 or less is a
-- failure; a graded score (largest above 1) is shown by its mean. A score counts once: an outcome
-- of a trace that was joined to its call is the same outcome. A verdict that is none (NaN) is left out, and one that was
-- drawn with probability p counts 1/p (Hájek's mean). A detector's finding marks single calls and is no rate.
-- Parameters: since, until (DateTime64(3)); service, release, environment, model, prompt_version,
--   tag_key, tag_value (String, '' = any).
-- Columns: service, source, name, n (scores), failures, rate (of failures), n_eff (Kish's), mean, largest, traces (with that score), all_traces,
--   delay_p95_s (from a call until its score became true, 95 % quantile in the window).
SELECT service, source, name, n, failures, rate, n_eff, mean, largest, traces, all_traces, delay_p95_s
FROM (
    SELECT
        service, source, name,
        sum(f.n) AS n,
        sum(f.failures) AS failures,
        sum(f.weight_failed) / sum(f.weight) AS rate,
        least(toFloat64(sum(f.n)), sum(f.weight) * sum(f.weight) / sum(f.weight_squared)) AS n_eff,
        sum(f.weight_value) / sum(f.weight) AS mean,
        max(f.largest) AS largest,
        sum(f.traces) AS traces,
        sumIf(sum(f.traces), source = '') OVER (PARTITION BY service) AS all_traces,
        quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(f.delay)[2] AS delay_p95_s
    FROM scored_figures(since = {since:DateTime64(3)}, until = {until:DateTime64(3)}, service = {service:String}, release = {release:String},
        environment = {environment:String}, model = {model:String}, prompt_version = {prompt_version:String},
        tag_key = {tag_key:String}, tag_value = {tag_value:String}, step_s = 3600) AS f
    GROUP BY service, source, name
)
WHERE source != ''
ORDER BY service, source, name
LIMIT 1000
