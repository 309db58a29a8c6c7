-- The log records that came with one span, as they arrived: some senders tell the messages there.
-- Parameters: trace_id, span_id (String), since, until (DateTime64(6)), longest, how_many (UInt32).
-- Columns: at, name, body, attributes.
SELECT
    Timestamp AS at, toString(EventName) AS name, leftUTF8(Body, {longest:UInt32}) AS body,
    mapApply((k, v) -> (k, leftUTF8(v, {longest:UInt32})), LogAttributes) AS attributes
FROM otel_logs
WHERE TraceId = {trace_id:String} AND SpanId = {span_id:String}
  AND Timestamp >= {since:DateTime64(6, 'UTC')} AND Timestamp <= {until:DateTime64(6, 'UTC')}
ORDER BY Timestamp
LIMIT {how_many:UInt32}
