-- When each release and prompt version was first seen in the window: the changes that a time axis marks.
-- Parameters: since, until (DateTime64(3)); service, release, environment, model, prompt_version,
--   tag_key, tag_value (String, '' = any).
-- Columns: service, release, prompt_version, first_seen, calls.
SELECT service, release, prompt_version, min(timestamp) AS first_seen, count() AS calls
FROM calls FINAL
WHERE timestamp >= {since:DateTime64(3)} AND timestamp < {until:DateTime64(3)}
  AND ({service:String} = '' OR service = {service:String})
  AND ({release:String} = '' OR release = {release:String})
  AND ({environment:String} = '' OR environment = {environment:String})
  AND ({model:String} = '' OR request_model = {model:String})
  AND ({prompt_version:String} = '' OR prompt_version = {prompt_version:String})
  AND ({tag_key:String} = '' OR tags[{tag_key:String}] = {tag_value:String})
GROUP BY service, release, prompt_version
ORDER BY first_seen
LIMIT 200
