-- A random sample, the same each time, of the vectors of a service's texts in a stretch of time.
-- Parameters: service, part (`input` or `output`), model (String), since, until (DateTime64(9)), how_many (UInt32).
-- Columns: timestamp, trace_id, span_id, vector.
SELECT timestamp, trace_id, span_id, vector
FROM embeddings
WHERE service = {service:String} AND part = {part:String} AND model = {model:String}
  AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)} AND notEmpty(vector)
ORDER BY cityHash64(trace_id, span_id)
LIMIT 1 BY trace_id, span_id
LIMIT {how_many:UInt32}
