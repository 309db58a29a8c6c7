-- Every dataset version with its counts, newest first. Parameters: none. Columns: those of monitor.retrain.dataset.DatasetSummary.
SELECT
    dataset_version AS version,
    any(datasets.service) AS service,
    min(datasets.created_at) AS created_at,
    countIf(split = 'train' AND label != '') AS train,
    countIf(split = 'validation' AND label != '') AS validation,
    countIf(split = 'reserved') AS reserved,
    countIf(split != 'reserved' AND label = '') AS unlabelled
FROM datasets FINAL
GROUP BY dataset_version
ORDER BY created_at DESC, version
