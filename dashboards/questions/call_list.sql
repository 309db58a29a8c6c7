-- The newest calls that match, as a list shows them: the start of each text, not the whole.
-- Parameters: since, until (DateTime64(3)); service, release, environment, model, prompt_version,
--   tag_key, tag_value (String, '' = any);
--   search, status, score as in call_count; how_many (UInt32).
-- Columns: timestamp, trace_id, service, release, request_model, status, error_type, duration_ms, input_tokens,
--   output_tokens, cost_usd, input, output.
SELECT
    timestamp, trace_id, service, release, request_model, status, error_type, duration_ms,
    input_tokens, output_tokens, cost_usd,
    leftUTF8(input, 160) AS input,
    leftUTF8(output, 160) AS output
FROM calls FINAL
WHERE timestamp >= {since:DateTime64(3)} AND timestamp < {until:DateTime64(3)}
  AND ({service:String} = '' OR service = {service:String})
  AND ({release:String} = '' OR release = {release:String})
  AND ({environment:String} = '' OR environment = {environment:String})
  AND ({model:String} = '' OR request_model = {model:String})
  AND ({prompt_version:String} = '' OR prompt_version = {prompt_version:String})
  AND ({tag_key:String} = '' OR tags[{tag_key:String}] = {tag_value:String})
  AND ({status:String} = '' OR status = {status:String})
  AND ({search:String} = '' OR positionCaseInsensitiveUTF8(calls.input, {search:String}) > 0
       OR positionCaseInsensitiveUTF8(calls.output, {search:String}) > 0 OR trace_id = {search:String})
  AND ({score:String} = '' OR trace_id IN (
       SELECT trace_id FROM scores FINAL WHERE name = {score:String} AND value <= 0))
ORDER BY timestamp DESC
LIMIT {how_many:UInt32}
