-- How many calls the filters leave by how they ended, from the hourly sums.
-- Parameters: since, until (DateTime64(3)); service, release, environment, model, prompt_version,
--   tag_key, tag_value (String, '' = any). Columns: answered, errors, abandoned.
SELECT sum(f.calls) - sum(f.errors) - sum(f.abandoned) AS answered, sum(f.errors) AS errors, sum(f.abandoned) AS abandoned
FROM call_figures(since = {since:DateTime64(3)}, until = {until:DateTime64(3)}, service = {service:String}, release = {release:String},
    environment = {environment:String}, model = {model:String}, prompt_version = {prompt_version:String},
    tag_key = {tag_key:String}, tag_value = {tag_value:String}, step_s = 3600) AS f
