-- Every verdict on some calls. Parameter: traces. Columns: trace_id, span_id, score (source/name), value.
SELECT trace_id, span_id, concat(source, '/', name) AS score, avg(value) AS value
FROM scores FINAL
WHERE trace_id IN {traces:Array(String)} AND target = 'call'
GROUP BY trace_id, span_id, score
