-- Dataset versions that hold calls of the subject. To be asked before the rows go. Parameters: request.
-- Columns: those of monitor.curation.lineage.HoldingVersion.
SELECT dataset_version AS version, any(datasets.service) AS service,
    countIf(split IN ('train', 'validation') AND label != '') AS trained,
    countIf(split = 'reserved') AS reserved, countIf(split = 'import') AS imported
FROM datasets FINAL
WHERE trace_id IN (SELECT id FROM erasing WHERE request = {request:String} AND kind = 'trace')
    OR concat(trace_id, '/', span_id) IN (SELECT id FROM erasing WHERE request = {request:String} AND kind = 'span')
GROUP BY dataset_version
ORDER BY version
