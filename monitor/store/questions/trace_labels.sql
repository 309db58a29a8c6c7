-- Right answers that were told of a trace's calls, by whom and when. Parameters: trace.
-- Columns: those of monitor.retrain.lineage.ToldLabel.
SELECT span_id, source, author, name, observed_at
FROM scores FINAL
WHERE trace_id = {trace:String} AND expected != '' AND source IN ('human', 'outcome', 'judge')
ORDER BY observed_at, span_id
