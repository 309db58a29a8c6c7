-- The provider's own fingerprint of what answered, by call. Parameters: service, since, until, of (every `of`-th trace).
-- Columns: trace_id, span_id, fingerprint.
SELECT TraceId AS trace_id, SpanId AS span_id,
    if(SpanAttributes['openai.response.system_fingerprint'] != '', SpanAttributes['openai.response.system_fingerprint'], SpanAttributes['gen_ai.openai.response.system_fingerprint']) AS fingerprint
FROM otel_traces
WHERE ServiceName = {service:String} AND Timestamp >= {since:DateTime64(9)} AND Timestamp < {until:DateTime64(9)}
  AND fingerprint != '' AND cityHash64(TraceId) % {of:UInt32} = 0
LIMIT 40000
