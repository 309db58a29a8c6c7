-- A day's calls of two services with a rhythm of the day. Parameters: day, calls.
INSERT INTO calls (timestamp, trace_id, span_id, service, release, environment, operation, provider, request_model, response_model,
    prompt_name, prompt_version, session_id, user_id, tags, input_messages, output_messages, input_tokens, output_tokens, cost_usd,
    duration_ms, time_to_first_token_ms, status, error_type, finish_reason, convention)
WITH
    toDateTime64({day:DateTime}, 9, 'UTC') AS day,
    cityHash64(number, {day:DateTime}) AS h,
    (h % 1000003) / 1000003 AS u,
    -- more of them by day: the inverse of u = x - sin(2 pi x) / 8 within a step of Newton's
    u + sin(2 * pi() * u) / 8 AS x,
    number % 5 < 2 AS extracts,
    (intDiv(h, 1000003) % 100003) / 100003 AS v,
    (intDiv(h, 100019) % 99991) / 99991 AS w,
    if(v < 0.008, 'error', 'ok') AS status_of
SELECT
    day + toIntervalNanosecond(toInt64(x * 86399e9)) AS timestamp,
    lower(hex(MD5(toString(h)))) AS trace_id,
    lower(leftPad(hex(h), 16, '0')) AS span_id,
    if(extracts, 'extractor', 'assistant') AS service,
    'r12' AS release, 'production' AS environment, 'chat' AS operation, 'openai' AS provider, 'gpt-4o' AS request_model,
    'gpt-4o-2024-05-13' AS response_model,
    'main' AS prompt_name, 'p7' AS prompt_version,
    concat('s-', toString(intDiv(number, 4))) AS session_id,
    concat('u-', toString(h % 5000)) AS user_id,
    map('tenant', ['acme', 'globex', 'initech', 'umbrella', 'free'][1 + h % 5], 'channel', ['web', 'phone'][1 + h % 2]) AS tags,
    concat('[{"role":"user","parts":[{"type":"text","content":"', arrayStringConcat(arrayMap(
        i -> ['invoice', 'delivery', 'refund', 'contract', 'password', 'address', 'mortgage', 'meeting', 'please', 'number',
              'change', 'open', 'when', 'where', 'how', 'due'][1 + cityHash64(h, i) % 16], range(20 + h % 30)), ' '), '"}]}]') AS input_messages,
    if(v < 0.008, '', concat('[{"role":"assistant","parts":[{"type":"text","content":',
        toJSONString(if(extracts,
            if(w < 0.004, '{"due_date":', concat('{"kind":"', ['invoice', 'refund', 'contract'][1 + h % 3], '","due_date":"',
                toString(toDate(day) + 1 + h % 30), '","amount":', toString(100 + h % 900), ',"currency":"EUR"}')),
            arrayStringConcat(arrayMap(i -> ['Open', 'the', 'page', 'of', 'your', 'choose', 'confirm', 'code'][1 + cityHash64(h, i, 1) % 8],
                range(20 + h % 40)), ' '))), '}]}]')) AS output_messages,
    60 + h % 50 AS input_tokens,
    if(v < 0.008, 0, 30 + h % 60) AS output_tokens,
    1e-5 * (60 + h % 60) AS cost_usd,
    300 - 400 * log(1 - 0.999 * w) AS duration_ms,
    100 - 100 * log(1 - 0.999 * w) AS time_to_first_token_ms,
    status_of AS status,
    if(v < 0.008, 'RateLimitError', '') AS error_type,
    if(v < 0.008, '', 'stop') AS finish_reason,
    'benchmark' AS convention
FROM numbers({calls:UInt64})
