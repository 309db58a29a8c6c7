-- Which calls that match stand first in another order than that of time, without their texts: `calls_named` has these.
-- Parameters: since (DateTime64(3)), until (DateTime64(9)); service, release, environment, model, prompt_version,
--   tag_key, tag_value (String, '' = any); text, word, status, error_type, user_id, session_id, trace_id, score, min_score,
--   max_score, field, value, min_ms, max_ms, min_cost_usd, max_cost_usd: as in dashboards.search.Search; by (String:
--   slowest, fastest, dearest, longest, oldest), how_many (UInt32).
-- Columns: timestamp, trace_id, span_id, service, rank (largest first).
SELECT
    timestamp, trace_id, span_id, toString(service) AS service,
    multiIf({by:String} = 'slowest', duration_ms, {by:String} = 'fastest', -duration_ms,
        {by:String} = 'dearest', ifNull(calls.cost_usd, -1),
        {by:String} = 'longest', toFloat64(ifNull(input_tokens, 0) + ifNull(output_tokens, 0)),
        -toFloat64(toUnixTimestamp64Micro(timestamp))) AS rank
FROM calls FINAL
WHERE timestamp >= {since:DateTime64(3)} AND timestamp < {until:DateTime64(9)}
  AND ({service:String} = '' OR service = {service:String})
  AND ({release:String} = '' OR release = {release:String})
  AND ({environment:String} = '' OR environment = {environment:String})
  AND ({model:String} = '' OR request_model = {model:String})
  AND ({prompt_version:String} = '' OR prompt_version = {prompt_version:String})
  AND ({tag_key:String} = '' OR tags[{tag_key:String}] = {tag_value:String})
  AND ({status:String} = '' OR status = {status:String})
  AND ({error_type:String} = '' OR error_type = {error_type:String})
  AND ({user_id:String} = '' OR user_id = {user_id:String})
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
ORDER BY rank DESC, timestamp DESC, span_id
LIMIT {how_many:UInt32}
