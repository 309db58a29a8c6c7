-- When each release and prompt version was first seen in the window: the changes that a time axis marks.
-- Parameters: since, until (DateTime64(3)); service, release, environment, model, prompt_version,
--   tag_key, tag_value (String, '' = any).
-- Columns: service, release, prompt_version, first_seen, calls.
SELECT service, release, prompt_version, min(f.first_call) AS first_seen, sum(f.calls) AS calls
FROM call_figures(since = {since:DateTime64(3)}, until = {until:DateTime64(3)}, service = {service:String}, release = {release:String},
    environment = {environment:String}, model = {model:String}, prompt_version = {prompt_version:String},
    tag_key = {tag_key:String}, tag_value = {tag_value:String}, step_s = 3600) AS f
GROUP BY service, release, prompt_version
ORDER BY first_seen
LIMIT 200
