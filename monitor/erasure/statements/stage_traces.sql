-- Puts aside the traces that hold anything of the subject: whole, or, where others share the trace (a batch), its
-- own spans as `trace/span`. Anchors of judges outlive
-- their calls. Spans and records name people and sessions under their dialect's attribute.
-- Parameters: request, kind (user or session: whose presence makes a trace shared).
INSERT INTO erasing
WITH
(SELECT groupArray(id) FROM erasing WHERE request = {request:String} AND kind = 'user') AS users,
(SELECT groupArray(id) FROM erasing WHERE request = {request:String} AND kind = 'session') AS sessions,
found AS (
    SELECT trace_id, span_id, [user_id] AS user_ids, [session_id] AS session_ids FROM calls
    UNION ALL
    SELECT trace_id, span_id, [user_id], [session_id] FROM steps
    UNION ALL
    SELECT trace_id, span_id, [user_id], [session_id] FROM anchors
    UNION ALL
    SELECT
        TraceId, SpanId,
        arrayMap(v -> trim(BOTH '"' FROM v), mapValues(mapFilter((k, v) -> match(lower(k), '(^|[._])(end)?user[._]?id$|^mlflow\\.trace\\.user$'), SpanAttributes))),
        arrayMap(v -> trim(BOTH '"' FROM v), mapValues(mapFilter((k, v) -> match(lower(k), '(session|conversation|thread)[._]?id$|^mlflow\\.trace\\.session$'), SpanAttributes)))
    FROM otel_traces
    UNION ALL
    SELECT
        TraceId, SpanId,
        mapValues(mapFilter((k, v) -> match(lower(k), '(^|[._])(end)?user[._]?id$'), LogAttributes)),
        mapValues(mapFilter((k, v) -> match(lower(k), '(session|conversation|thread)[._]?id$'), LogAttributes))
    FROM otel_logs
),
shared AS (
    SELECT
        trace_id,
        groupUniqArrayIf(span_id, hasAny(user_ids, users) OR hasAny(session_ids, sessions)) AS own,
        max(if({kind:String} = 'user', arrayExists(x -> x != '' AND NOT has(users, x), user_ids),
            arrayExists(x -> x != '' AND NOT has(sessions, x), session_ids))) AS others
    FROM found
    WHERE trace_id != ''
    GROUP BY trace_id
    HAVING notEmpty(own)
)
SELECT
    {request:String},
    if(others, 'span', 'trace'),
    arrayJoin(if(others, arrayMap(s -> concat(trace_id, '/', s), own), [trace_id]))
FROM shared
SETTINGS log_queries = 0
