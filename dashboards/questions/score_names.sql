-- The scores that have ever failed, commonest first, for the call list's filter.
-- Columns: name, failures.
SELECT name, count() AS failures
FROM scores FINAL
WHERE value <= 0 AND trace_id != ''
GROUP BY name
ORDER BY failures DESC
LIMIT 50
