-- How large each table of this database is.
-- Columns: table, rows, bytes.
SELECT table, sum(parts.rows) AS rows, sum(bytes_on_disk) AS bytes
FROM system.parts AS parts
WHERE active AND database = currentDatabase()
GROUP BY table
ORDER BY bytes DESC
LIMIT 50
