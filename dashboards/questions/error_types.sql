-- Which errors calls ended in, commonest first: reads only those that failed.
-- Parameters: since, until (DateTime64(3)); service, release, environment, model, prompt_version,
--   tag_key, tag_value (String, '' = any). Columns: error_type, calls.
SELECT error_type, count() AS calls
FROM (
    SELECT argMax(toString(calls.error_type), version) AS error_type, argMax(is_deleted, version) AS gone
    FROM calls
    WHERE timestamp >= {since:DateTime64(3)} AND timestamp < {until:DateTime64(3)} AND status = 'error'
      AND ({service:String} = '' OR service = {service:String})
      AND ({release:String} = '' OR release = {release:String})
      AND ({environment:String} = '' OR environment = {environment:String})
      AND ({model:String} = '' OR request_model = {model:String})
      AND ({prompt_version:String} = '' OR prompt_version = {prompt_version:String})
      AND ({tag_key:String} = '' OR tags[{tag_key:String}] = {tag_value:String})
    GROUP BY trace_id, span_id
)
WHERE NOT gone
GROUP BY error_type
ORDER BY calls DESC, error_type
LIMIT 50
