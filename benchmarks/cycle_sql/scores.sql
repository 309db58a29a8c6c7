-- What a judge (two calls in a hundred), users (one) and the JSON check (all of the extractor's) said of a day's calls.
-- Parameter: day.
INSERT INTO scores (timestamp, score_id, target, trace_id, span_id, session_id, service, name, source, value, author, observed_at, sampling_probability)
WITH reinterpretAsUInt64(reverse(substring(SHA256(concat('outerloop-judge:', trace_id, ':', span_id)), 1, 8))) / 18446744073709551616 AS place,
    cityHash64(span_id) % 10000 / 10000 AS u
SELECT timestamp + toIntervalMinute(10), concat(told.1, '-', span_id), 'call', trace_id, span_id, session_id, service, told.1, told.2,
    told.3, told.4, timestamp, told.5
FROM (
    SELECT timestamp, trace_id, span_id, session_id, service, arrayJoin(arrayFilter(one -> one.1 != '', [
        if(service = 'assistant' AND place < 0.02, ('helpful', 'judge', if(u < 0.05, 0., 1.), 'helpful@1', 0.02), ('', '', 0., '', 0.)),
        if(u BETWEEN 0.3 AND 0.31, ('thumbs', 'user', if(place < 0.2, -1., 1.), 'app', 1.), ('', '', 0., '', 0.)),
        if(service = 'extractor', ('json_valid', 'check', if(u < 0.004, 0., 1.), 'json@1', 1.), ('', '', 0., '', 0.))])) AS told
    FROM calls
    WHERE timestamp >= {day:DateTime} AND timestamp < {day:DateTime} + INTERVAL 1 DAY AND status = 'ok'
)
