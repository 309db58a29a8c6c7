-- Values of the attribute within which equal placeholders mean equal values. Parameters: attribute; tag (its name among
-- the tags of calls, or '', because these may be kept for longer than spans). Columns: tenant.
SELECT DISTINCT tenant
FROM (
    SELECT arrayJoin([SpanAttributes[{attribute:String}], ResourceAttributes[{attribute:String}]]) AS tenant FROM otel_traces
    UNION ALL
    SELECT arrayJoin([LogAttributes[{attribute:String}], ResourceAttributes[{attribute:String}]]) FROM otel_logs
    UNION ALL
    SELECT tags[{tag:String}] FROM calls WHERE {tag:String} != ''
)
WHERE tenant != ''
ORDER BY tenant
SETTINGS log_queries = 0
