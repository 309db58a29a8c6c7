-- The members of a dataset version, without their texts. Parameters: version.
-- Columns: trace_id, span_id, split, reason, reasons, label_author, labelled.
SELECT trace_id, span_id, split, reason, reasons, label_author, label != '' AS labelled
FROM datasets FINAL
WHERE dataset_version = {version:String}
ORDER BY split, trace_id, span_id
