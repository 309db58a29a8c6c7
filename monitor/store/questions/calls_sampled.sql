-- A service's calls of a window as the search for a cause sees them: every `of`-th trace, at most 20,000 calls, with the
-- structure of the input in place of its messages. Parameters: service, since, until, of (1 = all).
-- Columns: timestamp, trace_id, span_id, release, environment, request_model, response_model, prompt_name,
-- prompt_version, tags, text (the input's first characters), size (characters of the input), keys (`name<tab>first
-- character of its value` of JSON-like inputs, the labels that begin its lines, and the shapes of its dates), and
-- instructions (hash of the system prompt, 0 without one).
SELECT timestamp, trace_id, span_id, release, environment, request_model, response_model, prompt_name, prompt_version, tags,
    substringUTF8(input, 1, 600) AS text,
    lengthUTF8(input) AS size,
    arrayDistinct(arrayConcat(
        arrayMap(g -> concat(g[1], '\t', g[2]), arraySlice(extractAllGroupsVertical(input, '"([A-Za-z_][A-Za-z0-9_.-]{0,40})"\\s*:\\s*(["\\[{tfn0-9-])'), 1, 200)),
        arrayMap(label -> concat(label, '\tline'), arraySlice(extractAll(input, '(?m)^[ \t]*([A-Za-z_][A-Za-z0-9_ -]{0,30}):[ \t]'), 1, 200)),
        arrayMap(date -> concat(replaceRegexpAll(date, '[0-9]', '9'), '\tdate'), arraySlice(extractAll(input, '\\b[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}\\b'), 1, 50)))) AS keys,
    if(position(input_messages, '"system"') + position(input_messages, '"developer"') = 0, 0, cityHash64(arrayStringConcat(arrayMap(
        m -> arrayStringConcat(m.parts.content), arrayFilter(m -> m.role IN ('system', 'developer'),
            JSONExtract(input_messages, 'Array(Tuple(role String, parts Array(Tuple(content String))))')))))) AS instructions
FROM calls FINAL
WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
  AND cityHash64(trace_id) % {of:UInt32} = 0
ORDER BY timestamp, span_id
LIMIT 20000
