-- The calls of a service whose text lies nearest to a vector, one for each different text, the nearest first.
-- Parameters: service, part, model (String), vector (Array(Float32)), text_hash (UInt64, its own), since, until
--   (DateTime64(6)), how_many (UInt32). Columns: those of dashboards.rows.Near.
SELECT
    argMax(trace_id, embeddings.timestamp) AS trace_id, argMax(span_id, embeddings.timestamp) AS span_id,
    max(embeddings.timestamp) AS timestamp, 1 - min(cosineDistance(vector, {vector:Array(Float32)})) AS likeness,
    count() AS times
FROM embeddings
WHERE service = {service:String} AND part = {part:String} AND model = {model:String} AND text_hash != {text_hash:UInt64}
  AND embeddings.timestamp >= {since:DateTime64(6, 'UTC')} AND embeddings.timestamp < {until:DateTime64(6, 'UTC')}
  AND length(vector) = length({vector:Array(Float32)})
GROUP BY text_hash
ORDER BY likeness DESC
LIMIT {how_many:UInt32}
