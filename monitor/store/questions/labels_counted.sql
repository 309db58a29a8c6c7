-- How many calls of a service have a right answer (told by a person or an outcome), and how long calls are.
-- Parameters: service, since, started (the change), until (of the call).
-- Columns: those of monitor.advice.reading.LabelCount; `traces` are those of labelled failing calls since the change.
WITH verdicts AS (
    SELECT trace_id, span_id, countIf(expected != '' AND source IN ('human', 'outcome')) > 0 AS labelled,
        countIf(value <= 0 AND source IN ('human', 'outcome', 'user')) > 0 AS told_bad,
        countIf(source IN ('human', 'outcome', 'user')) > 0 AS told,
        countIf(value <= 0 AND source IN ('judge', 'check')) > 0 AS found_bad
    FROM scores FINAL
    WHERE service = {service:String} AND target = 'call' AND value IN (-1, 0, 1)
      AND source IN ('human', 'outcome', 'user', 'judge', 'check')
    GROUP BY trace_id, span_id
)
SELECT groupArrayIf(5000)(trace_id, labelled AND bad AND made >= {started:DateTime64(9)}) AS traces,
    countIf(NOT labelled AND bad AND made >= {started:DateTime64(9)}) AS unlabelled,
    countIf(labelled AND NOT bad AND made >= {started:DateTime64(9)}) AS passing,
    countIf(labelled AND made < {started:DateTime64(9)}) AS before,
    ifNotFinite(avg(tokens), 0) AS mean_tokens
FROM (
    SELECT call.trace_id AS trace_id, call.timestamp AS made, verdicts.labelled AS labelled,
        if(verdicts.told, verdicts.told_bad, verdicts.found_bad) AS bad,
        ifNull(call.input_tokens, 0) + ifNull(call.output_tokens, 0) AS counted,
        toFloat64(if(counted > 0, counted, (length(call.input_messages) + length(call.output_messages)) / 4)) AS tokens
    FROM calls AS call FINAL
    LEFT JOIN verdicts ON call.trace_id = verdicts.trace_id AND call.span_id = verdicts.span_id
    WHERE call.service = {service:String} AND call.timestamp >= {since:DateTime64(9)} AND call.timestamp < {until:DateTime64(9)}
      AND call.status = 'ok' AND call.operation != 'embeddings'
)
