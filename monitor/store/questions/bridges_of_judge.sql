-- Breaks in a judge's series, the oldest first. Parameter: judge ('' = any). Columns: those of monitor.judging.rows.Bridge.
SELECT crossed_at, judge, from_version, to_version, reason, n, difference, low, high, lost, gained
FROM bridges FINAL
WHERE {judge:String} = '' OR judge = {judge:String}
ORDER BY crossed_at, judge
