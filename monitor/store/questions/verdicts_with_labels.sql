-- Every verdict of judges on calls of a span of time, with what people said of the same call: a person's label before
-- an outcome, the latest word of each. A judge's own name, or one that its definition lists for it, makes them a pair.
-- Parameters: service ('' = any), since, until (of the call), pairs (`judge/label name`).
-- Columns: those of monitor.judging.trust.VerdictRow.
SELECT verdict.name AS judge, verdict.service AS service, splitByChar('/', verdict.author)[-1] AS version,
    arrayStringConcat(arrayPopBack(splitByChar('/', verdict.author)), '/') AS model, call.release AS release,
    call.prompt_version AS prompt_version, verdict.trace_id AS trace_id, verdict.span_id AS span_id,
    verdict.observed_at AS called_at, verdict.value AS value, verdict.label AS label,
    verdict.sampling_probability AS probability, verdict.cost_usd AS cost_usd, verdict.details AS details,
    truth.said > 0 AS labelled, truth.source AS label_source, truth.value AS truth, truth.probability AS label_probability
FROM (
    SELECT name, service, author, trace_id, span_id, observed_at, value, label, sampling_probability, cost_usd, details
    FROM scores FINAL
    WHERE source = 'judge' AND target = 'call' AND ({service:String} = '' OR service = {service:String})
      AND observed_at >= {since:DateTime64(9)} AND observed_at < {until:DateTime64(9)}
) AS verdict
LEFT JOIN (
    SELECT trace_id, span_id, any(calls.release) AS release, any(calls.prompt_version) AS prompt_version
    FROM calls
    WHERE ({service:String} = '' OR service = {service:String})
      AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
    GROUP BY trace_id, span_id
) AS call ON call.trace_id = verdict.trace_id AND call.span_id = verdict.span_id
LEFT JOIN (
    SELECT judge, trace_id, span_id, count() AS said, argMax(source, rank) AS source, argMax(value, rank) AS value,
        argMax(probability, rank) AS probability
    FROM (
        SELECT splitByChar('/', pair)[1] AS judge, scores.trace_id AS trace_id, scores.span_id AS span_id, scores.source AS source,
            scores.value AS value, scores.sampling_probability AS probability, (scores.source = 'human', scores.timestamp) AS rank
        FROM scores FINAL
        ARRAY JOIN arrayFilter(one -> splitByChar('/', one)[2] = scores.name,
            arrayConcat({pairs:Array(String)}, [concat(scores.name, '/', scores.name)])) AS pair
        WHERE scores.source IN ('human', 'outcome') AND scores.target = 'call' AND NOT isNaN(scores.value)
    )
    GROUP BY judge, trace_id, span_id
) AS truth ON truth.judge = verdict.name AND truth.trace_id = verdict.trace_id AND truth.span_id = verdict.span_id
ORDER BY service, judge, called_at, trace_id, span_id
