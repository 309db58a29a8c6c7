-- How many parts each table has, and the most in one partition: too many mean inserts that are too small, or merges
-- that do not keep up. Columns: table_name, parts, most.
SELECT table AS table_name, sum(in_partition) AS parts, max(in_partition) AS most
FROM (
    SELECT table, partition_id, count() AS in_partition
    FROM system.parts
    WHERE active AND database = currentDatabase()
    GROUP BY table, partition_id
)
GROUP BY table
ORDER BY most DESC
