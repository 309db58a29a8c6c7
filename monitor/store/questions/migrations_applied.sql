-- Files of the schema that this database has. Column: name.
SELECT DISTINCT name FROM schema_migrations ORDER BY name
