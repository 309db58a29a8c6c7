-- Vectors of the inputs of chosen calls. Parameters: service, since, until (both ends included), traces.
-- Columns: model, trace_id, span_id, vector.
SELECT model, trace_id, span_id, any(vector) AS vector
FROM embeddings
WHERE service = {service:String} AND part = 'input'
    AND timestamp >= {since:DateTime64(6, 'UTC')} AND timestamp < {until:DateTime64(6, 'UTC')} + INTERVAL 1 MILLISECOND
    AND trace_id IN {traces:Array(String)}
GROUP BY model, trace_id, span_id
ORDER BY model, trace_id, span_id
