-- Calls that some version of a service's datasets holds as reserved: they stay so, whatever the share or key is now.
-- Parameters: service. Columns: trace_id, input_messages.
SELECT trace_id, any(input_messages) AS input_messages
FROM datasets
WHERE service = {service:String} AND split = 'reserved'
GROUP BY trace_id, span_id
ORDER BY trace_id, span_id
