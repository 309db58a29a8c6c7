-- The scores that have ever failed, commonest first, for the call list's filter. Corrected ones are not looked for: a name
-- too many does no harm, and the key alone with one column is read quickly.
-- Columns: name, failures.
SELECT name, count() AS failures
FROM scores
WHERE value <= 0 AND target != 'session'
GROUP BY name
ORDER BY failures DESC
LIMIT 50
