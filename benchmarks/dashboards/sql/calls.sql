-- One day's calls, with a realistic mix: services, releases that follow each other, tenants, errors, a day's rhythm.
-- Parameters: day (Date), first (UInt64: number of the day's first call), calls (UInt64).
-- Every value hangs on the call's number alone, so that a second run writes the same rows.
INSERT INTO calls (
    timestamp, trace_id, span_id, service, release, environment, operation, provider, request_model, response_model,
    prompt_name, prompt_version, session_id, user_id, tags, input_messages, output_messages, input_tokens, output_tokens,
    cost_usd, duration_ms, time_to_first_token_ms, status, error_type, error_message, finish_reason, convention
)
WITH
    ['loan-extractor', 'support-chat', 'search-answers', 'ticket-router', 'contract-review', 'onboarding-mail'] AS services,
    ['The caller asks when the next payment of the mortgage is due and whether it can be moved by a few days.',
     'A parcel was promised for Tuesday and the tracking page has not changed since it left the depot.',
     'Please compare both offers by total cost over five years, and name what is not included.',
     'The contract ends with three months of notice to the end of a quarter, as far as the customer knows.',
     'After the update the app closes by itself when a photograph is attached to a message.',
     'Interest was fixed at the time of signing, and the remaining balance is to be confirmed in writing.',
     'The invoice names a wrong street; the tax number and the amount are right.',
     'Two people share the account, one of whom moved abroad at the beginning of the year.',
     'They would like to be called back in the afternoon, not before three o clock.',
     'The refund was announced by mail and has not arrived on the card yet.',
     'A copy of the identity card is attached, its back side is hard to read.',
     'The delivery note lists four chairs, of which only three were in the boxes.',
     'Which documents are needed for a change of name after the wedding?',
     'The password reset sends a code that is refused every time it is entered.',
     'An earlier conversation about the same matter was ended without an answer.',
     'The monthly report shows the figures of last year in the column of this year.'] AS said,
    sipHash64(number) AS h,
    -- the hour: busy by day, quiet by night
    toUInt32(multiIf(h % 100 < 70, 8 + bitShiftRight(h, 8) % 11, bitShiftRight(h, 8) % 24)) AS hour,
    toDateTime64({day:Date}, 9, 'UTC') + toIntervalHour(hour) + toIntervalMicrosecond(bitShiftRight(h, 20) % 3600000000) AS at,
    toUInt8(multiIf(h % 97 < 39, 1, h % 97 < 63, 2, h % 97 < 78, 3, h % 97 < 88, 4, h % 97 < 95, 5, 6)) AS s,
    toUInt16(toDayOfYear({day:Date}) + s * 3) AS age,
    bitShiftRight(h, 12) % 1000 AS luck,
    -- a release lives twelve days; on its first day it has a tenth of the traffic
    intDiv(age, 12) - if(age % 12 = 0 AND luck % 10 > 0, 1, 0) AS release_number,
    multiIf(luck < 9, 'error', luck < 12, 'abandoned', 'ok') AS ended,
    toUInt32(80 + bitShiftRight(h, 30) % 400) AS asked, toUInt32(20 + bitShiftRight(h, 40) % 180) AS answered,
    lower(hex(sipHash128(number))) AS id
SELECT
    at, id, substring(id, 1, 16), services[s], concat(services[s], '-', toString(release_number)),
    if(h % 11 = 0, 'staging', 'production'), 'chat', if(s <= 2, 'openai', 'anthropic'),
    ['extractor-8b', 'gpt-5-mini', 'claude-haiku', 'router-1b', 'claude-sonnet', 'gpt-5-mini'][if(luck >= 970, 2, s)] AS model, model,
    services[s], toString(intDiv(age, 9)), concat('s-', toString(intDiv(number, 4))), concat('u-', toString(h % 50000)),
    map('tenant', concat('tenant-', toString(least(bitShiftRight(h, 5) % 40, bitShiftRight(h, 9) % 40))), 'feature', ['web', 'app', 'mail', 'phone', 'api'][1 + bitShiftRight(h, 7) % 5]),
    concat('[{"role":"system","parts":[{"type":"text","content":"Answer as JSON with the fields customer, due_date and amount."}]},{"role":"user","parts":[{"type":"text","content":"Case ', toString(number), ': ',
        said[1 + h % 16], ' ', said[1 + bitShiftRight(h, 4) % 16], ' ', said[1 + bitShiftRight(h, 8) % 16], ' ', said[1 + bitShiftRight(h, 16) % 16], ' ', said[1 + bitShiftRight(h, 24) % 16], ' Word ', substring(id, 20, 6), '."}]}]'),
    if(ended = 'error', '', concat('[{"role":"assistant","parts":[{"type":"text","content":"{\\"customer\\": \\"Customer ', toString(h % 50000),
        '\\", \\"due_date\\": \\"', toString({day:Date} + 3 + bitShiftRight(h, 33) % 20), '\\", \\"amount\\": ', toString(100 + bitShiftRight(h, 36) % 2400), ', \\"note\\": \\"', said[1 + bitShiftRight(h, 28) % 16], '\\"}"}]}]')),
    asked, if(ended = 'error', NULL, answered),
    if(luck >= 990, NULL, (asked * 0.25 + answered * 2) / 1000000 * s),
    exp(5.5 + s * 0.2 + 0.5 * ((bitShiftRight(h, 3) % 1000 + bitShiftRight(h, 13) % 1000 + bitShiftRight(h, 23) % 1000 + bitShiftRight(h, 43) % 1000) / 577 - 3.46)) AS took,
    if(s IN (2, 3), took / 5, NULL),
    ended, if(ended = 'error', ['RateLimitError', 'APITimeoutError', 'BadRequestError'][1 + h % 3], ''),
    if(ended = 'error', 'the service refused: too many requests in this minute', ''),
    if(ended = 'ok', 'stop', ''), ['outerloop', 'gen_ai', 'openinference'][1 + s % 3]
FROM numbers({first:UInt64}, {calls:UInt64})
