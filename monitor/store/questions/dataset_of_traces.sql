-- Dataset versions that hold calls of some traces. Parameters: traces.
-- Columns: version, service, trained (how many of the members were exported), reserved, imported.
SELECT
    dataset_version AS version, any(datasets.service) AS service,
    countIf(split IN ('train', 'validation') AND label != '') AS trained,
    countIf(split = 'reserved') AS reserved, countIf(split = 'import') AS imported
FROM datasets FINAL
WHERE trace_id IN {traces:Array(String)}
GROUP BY dataset_version
ORDER BY version
