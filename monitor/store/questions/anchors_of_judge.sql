-- The anchors of a judge. Parameter: judge. Columns: those of monitor.judging.rows.AnchorRow.
SELECT chosen_at, judge, service, trace_id, span_id, session_id, user_id, interaction, label, label_author, verdict, probability
FROM anchors FINAL
WHERE judge = {judge:String}
ORDER BY trace_id, span_id
