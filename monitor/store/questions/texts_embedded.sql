-- Which texts of a service have a vector in which hour, so that they are not embedded again. Parameters: service, part,
-- model, since, until. Columns: text_hash, hour.
SELECT DISTINCT text_hash, toStartOfHour(timestamp) AS hour
FROM embeddings
WHERE service = {service:String} AND part = {part:String} AND model = {model:String}
  AND timestamp >= toStartOfHour({since:DateTime64(9)}) AND timestamp < {until:DateTime64(9)}
