-- What a judge has said of its anchors in every run, the oldest first. Parameter: judge.
-- Columns: those of monitor.judging.rows.AnchorVerdictRow.
SELECT judged_at, judge, version, endpoint, purpose, repeat, trace_id, span_id, value, label, cost_usd
FROM anchor_verdicts FINAL
WHERE judge = {judge:String}
ORDER BY judged_at, repeat, trace_id, span_id
