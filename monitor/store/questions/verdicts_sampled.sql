-- Calls of a service before and after a moment with what is known of each: failed, passed, or no word ('') by the best
-- source that has one (people, outcomes and users before judges before checks), and the right answer where one is told.
-- Of each kind at most `most`, drawn by a hash of the call. Parameters: service, since, until (of the call), most.
-- Columns: those of monitor.advice.reading.JudgedCall.
WITH verdicts AS (
    SELECT trace_id, span_id,
        argMaxIf(expected, (source = 'human', observed_at, timestamp), expected != '' AND source IN ('human', 'outcome')) AS right_answer,
        countIf(source IN ('human', 'outcome', 'user')) AS told, countIf(source IN ('human', 'outcome', 'user') AND value <= 0) AS told_bad,
        countIf(source = 'judge') AS judged, countIf(source = 'judge' AND value <= 0) AS judged_bad,
        countIf(source = 'check') AS checked, countIf(source = 'check' AND value <= 0) AS checked_bad
    FROM scores FINAL
    WHERE service = {service:String} AND target = 'call' AND source IN ('human', 'outcome', 'user', 'judge', 'check')
      AND value IN (-1, 0, 1)
    GROUP BY trace_id, span_id
),
drawn AS (
    SELECT call.trace_id AS trace_id, call.span_id AS span_id, verdicts.right_answer AS expected,
        multiIf(told > 0, if(told_bad > 0, 'failed', 'passed'), judged > 0, if(judged_bad > 0, 'failed', 'passed'),
            checked > 0, if(checked_bad > 0, 'failed', 'passed'), '') AS verdict
    FROM calls AS call
    LEFT JOIN verdicts ON call.trace_id = verdicts.trace_id AND call.span_id = verdicts.span_id
    WHERE call.service = {service:String} AND call.timestamp >= {since:DateTime64(9)} AND call.timestamp < {until:DateTime64(9)}
      AND call.status = 'ok' AND call.operation != 'embeddings' AND call.is_deleted = 0
    ORDER BY cityHash64(trace_id, span_id)
    LIMIT 1 BY trace_id, span_id
)
SELECT call.timestamp AS timestamp, call.trace_id AS trace_id, call.span_id AS span_id, substringUTF8(call.input, 1, 2000) AS input,
    kept.expected AS expected, kept.verdict AS verdict
FROM (SELECT timestamp, trace_id, span_id, input FROM calls FINAL
      WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
        AND (trace_id, span_id) IN (SELECT trace_id, span_id FROM (SELECT trace_id, span_id FROM drawn LIMIT {most:UInt32} BY verdict))) AS call
INNER JOIN (SELECT * FROM drawn LIMIT {most:UInt32} BY verdict) AS kept ON call.trace_id = kept.trace_id AND call.span_id = kept.span_id
ORDER BY timestamp, trace_id, span_id
