-- Calls about which a judge's version and people (or an outcome) differ, the newest first. Of several labels the latest of
-- a person counts, else the latest outcome; a judge's own name, or one of `labels`, makes them a pair. Of a judge with many
-- values those differ that lie half a step or more apart. Parameters: service, judge, version, labels (names), since, until
-- (of the call), how_many. Columns: called_at, trace_id, span_id, said, reason, truth, by, note.
SELECT verdict.observed_at AS called_at, verdict.trace_id AS trace_id, verdict.span_id AS span_id, verdict.value AS said,
    substring(verdict.explanation, 1, 400) AS reason, people.value AS truth, people.by AS by, people.note AS note
FROM (
    SELECT observed_at, trace_id, span_id, value, explanation
    FROM scores FINAL
    WHERE name = {judge:String} AND source = 'judge' AND target = 'call' AND service = {service:String} AND isFinite(value)
        AND splitByChar('/', author)[-1] = {version:String}
        AND observed_at >= {since:DateTime64(3)} AND observed_at < {until:DateTime64(3)}
) AS verdict
INNER JOIN (
    SELECT trace_id, span_id,
        argMax(if(scores.value = -1, 0, scores.value), (source = 'human', scores.timestamp)) AS value,
        argMax(if(source = 'human', toString(author), concat('outcome ', name)), (source = 'human', scores.timestamp)) AS by,
        argMax(substring(explanation, 1, 400), (source = 'human', scores.timestamp)) AS note
    FROM scores FINAL
    WHERE name IN arrayConcat([{judge:String}], {labels:Array(String)}) AND source IN ('human', 'outcome') AND target = 'call'
        AND service IN ({service:String}, '') AND isFinite(scores.value)
    GROUP BY trace_id, span_id
) AS people ON people.trace_id = verdict.trace_id AND people.span_id = verdict.span_id
WHERE abs(verdict.value - people.value) >= 0.5
ORDER BY called_at DESC, trace_id, span_id
LIMIT {how_many:UInt32}
