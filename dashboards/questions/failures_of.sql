-- How many verdicts some traces have, and how many of these fail. Parameters: traces (Array(String)).
-- Columns: trace_id, verdicts, failed.
SELECT trace_id, count() AS verdicts, countIf(value <= 0) AS failed
FROM scores FINAL
WHERE trace_id IN {traces:Array(String)}
GROUP BY trace_id
