-- Scores whose evaluation event names a response and no span, with the call that gave the response. Parameters: since, until, margin_s (to the call). Columns: score_id, trace_id, span_id.
WITH
told AS (
    SELECT
        Timestamp AS at,
        CAST(ServiceName, 'String') AS service,
        LogAttributes['gen_ai.evaluation.name'] AS name,
        LogAttributes['gen_ai.evaluation.score.label'] AS label,
        LogAttributes['gen_ai.evaluation.explanation'] AS explanation,
        LogAttributes['gen_ai.response.id'] AS response_id
    FROM otel_logs
    WHERE Timestamp >= {since:DateTime64(9)} - toIntervalSecond({margin_s:UInt32}) AND Timestamp < {until:DateTime64(9)} + toIntervalSecond({margin_s:UInt32})
        AND EventName = 'gen_ai.evaluation.result' AND SpanId = '' AND LogAttributes['gen_ai.response.id'] != ''
),
answered AS (
    SELECT TraceId, SpanId, arrayFirst(x -> x != '', [SpanAttributes['gen_ai.response.id'], SpanAttributes['ai.response.id']]) AS response_id
    FROM otel_traces
    WHERE Timestamp >= {since:DateTime64(9)} - toIntervalSecond({margin_s:UInt32}) AND Timestamp < {until:DateTime64(9)} + toIntervalSecond({margin_s:UInt32})
        AND (SpanAttributes['gen_ai.response.id'] IN (SELECT response_id FROM told) OR SpanAttributes['ai.response.id'] IN (SELECT response_id FROM told))
),
-- of a call and its wrapper, which name the same response, the call
calls_of AS (
    SELECT response_id, any(c.trace_id) AS trace_id, any(c.span_id) AS span_id
    FROM answered AS a
    INNER JOIN (
        SELECT trace_id, span_id FROM calls FINAL
        WHERE timestamp >= {since:DateTime64(9)} - toIntervalSecond({margin_s:UInt32}) AND timestamp < {until:DateTime64(9)} + toIntervalSecond({margin_s:UInt32})
            AND trace_id IN (SELECT TraceId FROM answered)
    ) AS c ON c.trace_id = a.TraceId AND c.span_id = a.SpanId
    GROUP BY response_id
    HAVING uniqExact(c.span_id) = 1
)
SELECT s.score_id AS score_id, any(c.trace_id) AS trace_id, any(c.span_id) AS span_id
FROM (
    SELECT score_id, timestamp, CAST(service, 'String') AS service, CAST(name, 'String') AS name, label, explanation
    FROM scores FINAL
    WHERE target = 'call' AND trace_id = '' AND span_id = '' AND name IN (SELECT name FROM told)
) AS s
INNER JOIN told AS t ON t.at = s.timestamp AND t.service = s.service AND t.name = s.name AND t.label = s.label AND t.explanation = s.explanation
INNER JOIN calls_of AS c ON c.response_id = t.response_id
GROUP BY s.score_id
HAVING uniqExact(t.response_id) = 1
