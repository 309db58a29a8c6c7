-- Calls that more than one person has labelled under one name, with each one's latest word.
-- Parameters: service ('' = any), since, until (of the call). Columns: name, service, values (of people in order of name).
SELECT name, service, arrayMap(one -> one.2, arraySort(one -> one.1, groupArray((author, said)))) AS values
FROM (
    SELECT name, service, trace_id, span_id, author, argMax(scores.value, scores.timestamp) AS said
    FROM scores FINAL
    WHERE source = 'human' AND target = 'call' AND ({service:String} = '' OR service = {service:String})
      AND observed_at >= {since:DateTime64(9)} AND observed_at < {until:DateTime64(9)} AND NOT isNaN(scores.value)
    GROUP BY name, service, trace_id, span_id, author
)
GROUP BY name, service, trace_id, span_id
HAVING count() > 1
