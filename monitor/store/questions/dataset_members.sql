-- The members of one split of a dataset version. Parameters: version, split. Columns: those of monitor.records.DatasetRow.
SELECT
    created_at, dataset_version, service, split, trace_id, span_id, call_timestamp, input_messages, output, label,
    label_author, reason, reasons, output_messages, tools
FROM datasets FINAL
WHERE dataset_version = {version:String} AND split = {split:String}
ORDER BY call_timestamp, trace_id, span_id
