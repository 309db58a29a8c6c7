-- How many calls of a service may have a sampled text, and a fingerprint of which calls these are, without reading a text:
-- it says whether there can be enough of them, and whether what was learnt from them is still what the store holds.
-- Parameters: service, release ('' = any), share (of 1), since, until. Columns: n, fingerprint.
SELECT count() AS n, groupBitXor(cityHash64(trace_id, span_id)) AS fingerprint
FROM calls FINAL
WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
  AND ({release:String} = '' OR release = {release:String})
  AND cityHash64('outerloop-text', trace_id) % 65536 < {share:Float64} * 65536
