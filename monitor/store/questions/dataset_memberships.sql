-- In which dataset versions the calls of a trace are. Parameters: trace. Columns: those of monitor.retrain.lineage.Membership.
SELECT dataset_version AS version, span_id, split, if(empty(reasons), [toString(reason)], arrayMap(one -> toString(one), reasons)) AS reasons, label_author,
    split IN ('train', 'validation') AND label != '' AS trained,
    dataset_version IN (SELECT dataset_version FROM dataset_events WHERE event = 'tainted') AS tainted
FROM datasets FINAL
WHERE trace_id = {trace:String}
ORDER BY created_at, version, span_id
