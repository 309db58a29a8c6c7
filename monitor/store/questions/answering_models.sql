-- Which models answered a service's calls of a window, the most frequent first, with the release, whether a list price
-- names the model, and the address of one such call, as far as its span tells it.
-- Parameters: service, since, until (of the call). Columns: those of monitor.advice.owner.AnsweringModel.
WITH called AS (
    SELECT request_model AS model, release, provider, count() AS n, argMax((trace_id, span_id), timestamp) AS last
    FROM calls
    WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
      AND status = 'ok' AND operation != 'embeddings' AND is_deleted = 0
    GROUP BY model, release, provider
)
SELECT called.model AS model, called.release AS release, called.provider AS provider, toUInt64(called.n) AS n,
    called.model IN (SELECT model FROM prices FINAL WHERE NOT own) AS listed, span.address AS address
FROM called
LEFT JOIN (
    SELECT TraceId, SpanId, any(SpanAttributes['server.address']) AS address
    FROM otel_traces WHERE (TraceId, SpanId) IN (SELECT last.1, last.2 FROM called)
    GROUP BY TraceId, SpanId
) AS span ON called.last.1 = span.TraceId AND called.last.2 = span.SpanId
ORDER BY n DESC, model, release
