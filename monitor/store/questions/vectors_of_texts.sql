-- Vectors of texts by their hash, whoever said them. Parameters: model, hashes. Columns: text_hash, vector.
SELECT text_hash, any(vector) AS vector
FROM embeddings
WHERE model = {model:String} AND text_hash IN {hashes:Array(UInt64)}
GROUP BY text_hash
