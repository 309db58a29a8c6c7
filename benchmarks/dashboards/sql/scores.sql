-- Scores of one day's calls: a check on a fifth, a judge on 3 %, an outcome hours later on 10 %, a thumb on 1 %.
-- Parameters: day (Date), first, calls (UInt64): as in calls.
INSERT INTO scores (timestamp, score_id, target, trace_id, span_id, session_id, service, name, source, value, author, observed_at, sampling_probability)
WITH
    sipHash64(number) AS h, sipHash64(number, 'scored') AS luck, lower(hex(sipHash128(number))) AS id,
    toDateTime64({day:Date}, 9, 'UTC') + toIntervalHour(12) AS at,
    ['loan-extractor', 'support-chat', 'search-answers', 'ticket-router', 'contract-review', 'onboarding-mail'] AS services,
    toUInt8(multiIf(h % 97 < 39, 1, h % 97 < 63, 2, h % 97 < 78, 3, h % 97 < 88, 4, h % 97 < 95, 5, 6)) AS s,
    arrayJoin(arrayFilter(one -> luck % 100 >= one.4::UInt16 AND luck % 100 < one.5::UInt16, [
        ('json_valid', 'check', 0.995, 0, 20, 1.0::Float64, 1),
        ('faithful', 'judge', 0.95, 15, 18, 0.03::Float64, 600),
        ('resolved', 'outcome', 0.93, 20, 30, 1.0::Float64, 72000),
        ('thumbs', 'user', 0.85, 29, 30, 1.0::Float64, 300)])) AS told
SELECT
    at + toIntervalSecond(told.7), concat(told.1, ':', id), 'call', id, substring(id, 1, 16), concat('s-', toString(intDiv(number, 4))),
    services[s], told.1, told.2, toFloat64(bitShiftRight(luck, 20) % 1000 < told.3::Float64 * 1000), 'benchmark', at + toIntervalSecond(told.7), told.6
FROM numbers({first:UInt64}, {calls:UInt64})
