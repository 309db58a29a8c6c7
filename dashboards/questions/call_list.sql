-- The newest calls that match, as a list shows them: the start of each text, not the whole. The text's longest word is
-- looked for in the messages as they are stored first, and what a person reads is made of the few that hold it.
-- Parameters: since (DateTime64(3)), until (DateTime64(9)); service, release, environment, model, prompt_version,
--   tag_key, tag_value (String, '' = any); text, word, status, error_type, user_id, session_id, trace_id, score,
--   min_score, max_score, field, value, min_ms, max_ms, min_cost_usd, max_cost_usd: as in dashboards.search.Search;
--   how_many (UInt32). A stretch of hours, not of weeks: the caller goes back in time until there are enough.
-- Columns: timestamp, trace_id, span_id, service, release, request_model, status, error_type, duration_ms, input_tokens,
--   output_tokens, cost_usd, input, output.
SELECT
    timestamp, trace_id, span_id, service, release, request_model, status, error_type, duration_ms,
    input_tokens, output_tokens, cost_usd,
    leftUTF8(calls.input, 160) AS input,
    leftUTF8(calls.output, 160) AS output
FROM calls FINAL
WHERE timestamp >= {since:DateTime64(3)} AND timestamp < {until:DateTime64(9)}
  AND toStartOfHour(timestamp, 'UTC') >= toStartOfHour({since:DateTime64(3)}, 'UTC')
  AND ({service:String} = '' OR service = {service:String})
  AND ({release:String} = '' OR release = {release:String})
  AND ({environment:String} = '' OR environment = {environment:String})
  AND ({model:String} = '' OR request_model = {model:String})
  AND ({prompt_version:String} = '' OR prompt_version = {prompt_version:String})
  AND ({tag_key:String} = '' OR tags[{tag_key:String}] = {tag_value:String})
  AND ({status:String} = '' OR status = {status:String})
  AND ({error_type:String} = '' OR error_type = {error_type:String})
  AND ({user_id:String} = '' OR (user_id = {user_id:String}
       -- the keys first: FINAL reads whatever blocks stand beside those that an index finds
       AND (service, toStartOfHour(timestamp, 'UTC'), thread, timestamp) IN (
           SELECT service, toStartOfHour(timestamp, 'UTC'), thread, timestamp FROM calls
           WHERE user_id = {user_id:String} AND timestamp >= {since:DateTime64(3)} AND timestamp < {until:DateTime64(9)})))
  AND ({session_id:String} = '' OR session_id = {session_id:String})
  AND ({trace_id:String} = '' OR trace_id = {trace_id:String})
  AND ({min_ms:Float64} < 0 OR duration_ms > {min_ms:Float64})
  AND ({max_ms:Float64} < 0 OR duration_ms < {max_ms:Float64})
  AND ({min_cost_usd:Float64} < 0 OR calls.cost_usd > {min_cost_usd:Float64})
  AND ({max_cost_usd:Float64} < 0 OR calls.cost_usd < {max_cost_usd:Float64})
  AND (empty({field:Array(String)}) OR JSON_VALUE(calls.output, concat('$', arrayStringConcat(arrayMap(one -> concat('."', one, '"'), {field:Array(String)})))) = {value:String})
  AND ({text:String} = '' OR trace_id = {text:String}
       OR ((positionCaseInsensitive(input_messages, {word:String}) > 0 OR positionCaseInsensitive(output_messages, {word:String}) > 0)
           AND (positionCaseInsensitiveUTF8(calls.input, {text:String}) > 0 OR positionCaseInsensitiveUTF8(calls.output, {text:String}) > 0)))
  AND ({score:String} = '' OR trace_id IN (
       SELECT trace_id FROM scores FINAL WHERE name = {score:String} AND value >= {min_score:Float64} AND value <= {max_score:Float64}))
ORDER BY timestamp DESC, span_id
LIMIT {how_many:UInt32}
