-- Where the embedding of a service's texts stands. Parameters: service, part, model. Columns: n, until (1970 without any).
SELECT count() AS n, max(timestamp) AS until
FROM embeddings
WHERE service = {service:String} AND part = {part:String} AND model = {model:String}
