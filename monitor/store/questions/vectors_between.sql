-- Vectors of a service's texts that were said in a span of time, by their hash: a range of the sorting key.
-- Parameters: service, part, model, since, until. Columns: text_hash, vector.
SELECT text_hash, any(vector) AS vector
FROM embeddings
WHERE service = {service:String} AND part = {part:String} AND model = {model:String}
  AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
GROUP BY text_hash
