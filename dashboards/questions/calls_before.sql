-- Calls of a service that went through before a change, in a slice, nearest in wording to a text: of the newest `among`.
-- Parameters: service (String), since, until (DateTime64(3)), tag_keys, tag_values (Array(String), pairs that a call must
--   have), environment ('' = any), text (String: the input to be like), among, how_many (UInt32). The stretch is bounded
--   by the caller, who goes back in time until there are enough.
-- Columns: timestamp, trace_id, span_id, distance (0 alike to 1 nothing in common).
SELECT timestamp, trace_id, span_id, ngramDistance(leftUTF8(calls.input, 4000), {text:String}) AS distance
FROM calls FINAL
WHERE service = {service:String} AND timestamp >= {since:DateTime64(3)} AND timestamp < {until:DateTime64(3)}
  AND (timestamp, trace_id, span_id) IN (
    SELECT timestamp, trace_id, span_id FROM calls
    WHERE service = {service:String} AND timestamp >= {since:DateTime64(3)} AND timestamp < {until:DateTime64(3)}
      AND status = 'ok' AND operation != 'embeddings'
      AND arrayAll((key, value) -> tags[key] = value, {tag_keys:Array(String)}, {tag_values:Array(String)})
      AND ({environment:String} = '' OR environment = {environment:String})
    ORDER BY timestamp DESC
    LIMIT {among:UInt32})
ORDER BY distance, timestamp DESC
LIMIT {how_many:UInt32}
