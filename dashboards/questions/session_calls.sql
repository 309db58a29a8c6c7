-- The calls of one session in order of time; of each message a hash of who said what, so that a history which every call
-- repeats is known without being read. What a model thought is left out: the next call does not send it back.
-- Parameters: session_id (String), how_many (UInt32).
-- Columns: those of dashboards.calls.turns.SessionCall.
WITH
    (messages) -> arrayMap(m -> cityHash64(m.role, arrayMap(p -> (p.name, replaceAll(concat(p.content, p.arguments, p.response, p.result), ' ', '')),
        arrayFilter(p -> p.type NOT IN ('reasoning', 'thinking'), m.parts))), messages) AS hashed,
    JSONExtract(input_messages, 'Array(Tuple(role String, parts Array(Tuple(type String, content String, name String, arguments String, response String, result String))))') AS asked,
    JSONExtract(output_messages, 'Array(Tuple(role String, parts Array(Tuple(type String, content String, name String, arguments String, response String, result String))))') AS answered
SELECT
    timestamp, trace_id, span_id, toString(operation) AS operation, toString(service) AS service, toString(release) AS release,
    toString(request_model) AS model, toString(status) AS status, duration_ms, cost_usd,
    hashed(asked) AS input_hashes,
    if(arrayExists(m -> m.role NOT IN ('system', 'developer'), asked), arrayFirstIndex(m -> m.role NOT IN ('system', 'developer'), asked) - 1, length(asked)) AS input_system,
    hashed(answered) AS output_hashes
FROM calls FINAL
WHERE session_id = {session_id:String} AND operation != 'embeddings'
ORDER BY timestamp, span_id
LIMIT {how_many:UInt32}
