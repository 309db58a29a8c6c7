-- Which vectors there are. Parameters: service (String, '' = any).
-- Columns: service, part, model, vectors, first_text, last_text.
SELECT service, part, model, count() AS vectors, min(timestamp) AS first_text, max(timestamp) AS last_text
FROM embeddings
WHERE {service:String} = '' OR service = {service:String}
GROUP BY service, part, model
ORDER BY vectors DESC, service, part, model
LIMIT 200
