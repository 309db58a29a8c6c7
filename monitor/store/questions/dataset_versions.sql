-- Every dataset version with its counts, newest first; `tainted` when somebody's calls in it have been erased since.
-- Parameters: none. Columns: those of monitor.curation.dataset.DatasetSummary.
SELECT
    dataset_version AS version,
    any(datasets.service) AS service,
    min(datasets.created_at) AS created_at,
    countIf(split = 'train' AND label != '') AS train,
    countIf(split = 'validation' AND label != '') AS validation,
    countIf(split = 'reserved') AS reserved,
    countIf(split != 'reserved' AND label = '') AS unlabelled,
    dataset_version IN (SELECT dataset_version FROM dataset_events WHERE event = 'tainted') AS tainted
FROM datasets FINAL
WHERE split != 'import'
GROUP BY dataset_version
ORDER BY created_at DESC, version
