-- One span as it arrived, each value up to `longest` characters.
-- Parameters: service, trace_id, span_id (String), at (DateTime64(6), its time), longest (UInt32).
-- Columns: those of dashboards.rows.RawSpan.
SELECT
    Timestamp AS started_at, TraceState AS trace_state, toString(SpanName) AS name, toString(SpanKind) AS kind, ScopeName AS scope, ScopeVersion AS scope_version,
    toString(StatusCode) AS status_code, leftUTF8(StatusMessage, {longest:UInt32}) AS status_message, Duration AS duration_ns,
    mapApply((k, v) -> (k, leftUTF8(v, {longest:UInt32})), SpanAttributes) AS attributes,
    mapApply((k, v) -> (k, leftUTF8(v, {longest:UInt32})), ResourceAttributes) AS resource,
    arrayMap((at, name, of) -> map('time', toString(at), 'name', toString(name), 'attributes', leftUTF8(toJSONString(of), {longest:UInt32})),
        arraySlice(Events.Timestamp, 1, 50), arraySlice(Events.Name, 1, 50), arraySlice(Events.Attributes, 1, 50)) AS events,
    arraySlice(arrayZip(Links.TraceId, Links.SpanId), 1, 50) AS links
FROM otel_traces
WHERE ServiceName = {service:String} AND TraceId = {trace_id:String} AND SpanId = {span_id:String}
  AND Timestamp >= {at:DateTime64(6, 'UTC')} - INTERVAL 1 MILLISECOND AND Timestamp <= {at:DateTime64(6, 'UTC')} + INTERVAL 1 MILLISECOND
LIMIT 1
