-- Which scores failed, and how often, on the calls that the filters leave; from the hourly sums. What detectors find is
-- not among them.
-- Parameters: since, until (DateTime64(3)); service, release, environment, model, prompt_version,
--   tag_key, tag_value (String, '' = any). Columns: name, failures.
SELECT toString(name) AS name, sum(f.failures) AS failed
FROM scored_figures(since = {since:DateTime64(3)}, until = {until:DateTime64(3)}, service = {service:String}, release = {release:String},
    environment = {environment:String}, model = {model:String}, prompt_version = {prompt_version:String},
    tag_key = {tag_key:String}, tag_value = {tag_value:String}, step_s = 3600) AS f
WHERE source != '' AND f.failures > 0
GROUP BY name
ORDER BY failed DESC, name
LIMIT 50
