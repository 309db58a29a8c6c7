-- The tables that keep rows, with their columns and the types of these. On a cluster the contract's names stand for
-- the local tables. Columns: name, columns, types.
SELECT replaceRegexpOne(table, '_local$', '') AS name, groupArray(c.name) AS columns, groupArray(c.type) AS types
FROM system.columns AS c
WHERE database = currentDatabase() AND default_kind NOT IN ('ALIAS', 'MATERIALIZED')
    AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND endsWith(engine, 'MergeTree'))
    AND table NOT IN ('erasing', 'erasures', 'prices', 'schema_migrations')
GROUP BY name
ORDER BY name
