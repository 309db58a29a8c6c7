-- One call with its texts, or all calls of its trace. Parameters: service, trace_id, span_id ('' = any).
-- Columns: those of monitor.curation.traffic.CallText.
SELECT trace_id, span_id, timestamp, release, input, input_messages, output, output_messages
FROM calls FINAL
WHERE service = {service:String} AND trace_id = {trace_id:String} AND ({span_id:String} = '' OR span_id = {span_id:String})
    AND operation != 'embeddings'
ORDER BY timestamp, span_id
LIMIT 100
