-- Inputs of a window that have no vector of a model yet, in order of time. Parameters: model, since, until.
-- Columns: timestamp, service, trace_id, span_id, text, text_hash.
SELECT timestamp, service, trace_id, span_id, input AS text, cityHash64(input) AS text_hash
FROM calls FINAL
WHERE input != '' AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
  AND (trace_id, span_id) NOT IN (
      SELECT trace_id, span_id FROM embeddings
      WHERE part = 'input' AND model = {model:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)})
ORDER BY timestamp, span_id
