-- Which calls a dataset version trains on. Parameters: version. Columns: trace_id, span_id.
SELECT trace_id, span_id
FROM datasets FINAL
WHERE dataset_version = {version:String} AND split IN ('train', 'validation')
ORDER BY trace_id, span_id
