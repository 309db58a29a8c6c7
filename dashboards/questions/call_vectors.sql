-- The vectors of one call's texts, whoever of the service said the same within 45 days: a text is embedded once.
-- Parameters: service, trace_id, span_id (String), at (DateTime64(6), its time).
-- Columns: part, model, text_hash, vector.
SELECT toString(part) AS part, toString(model) AS model, text_hash, any(embeddings.vector) AS vector
FROM embeddings
WHERE service = {service:String} AND notEmpty(embeddings.vector)
  AND embeddings.timestamp >= {at:DateTime64(6, 'UTC')} - INTERVAL 45 DAY AND embeddings.timestamp <= {at:DateTime64(6, 'UTC')} + INTERVAL 45 DAY
  AND (embeddings.part, text_hash) IN (
    SELECT arrayJoin([('input', cityHash64(calls.input)), ('output', cityHash64(calls.output))])
    FROM calls FINAL
    WHERE service = {service:String} AND trace_id = {trace_id:String} AND span_id = {span_id:String}
      AND timestamp >= {at:DateTime64(6, 'UTC')} - INTERVAL 1 MILLISECOND AND timestamp <= {at:DateTime64(6, 'UTC')} + INTERVAL 1 MILLISECOND)
GROUP BY part, model, text_hash
ORDER BY part, model
