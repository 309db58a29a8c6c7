-- Examples that people have brought for a service, each once: of the same input and tools the latest answer.
-- Parameters: service. Columns: those of monitor.records.DatasetRow.
SELECT
    created_at, dataset_version, service, split, trace_id, span_id, call_timestamp, input_messages, output, label,
    label_author, reason, reasons, output_messages, tools
FROM datasets FINAL
WHERE service = {service:String} AND split = 'import'
ORDER BY created_at DESC, trace_id, span_id
LIMIT 1 BY input_messages, tools
