-- Whether there may be anything to complete: whether a log record near the window carries content of a call, and whether two calls of one trace overlap, one of which is in the window, and whether an evaluation names a response and no span. Parameters: since, until, margin_s. Columns: told, nested, evaluated.
SELECT
    (
        SELECT count() FROM (
            SELECT 1 FROM otel_logs
            WHERE Timestamp >= {since:DateTime64(9)} - toIntervalSecond({margin_s:UInt32}) AND Timestamp < {until:DateTime64(9)} + toIntervalSecond({margin_s:UInt32})
                AND EventName IN ('gen_ai.client.inference.operation.details', 'gen_ai.system.message', 'gen_ai.user.message', 'gen_ai.assistant.message', 'gen_ai.tool.message', 'gen_ai.choice', 'gen_ai.content.prompt', 'gen_ai.content.completion')
                AND SpanId != ''
            LIMIT 1
        )
    ) > 0 AS told,
    (
        SELECT count() FROM (
            SELECT 1
            FROM calls
            WHERE timestamp >= {since:DateTime64(9)} - toIntervalSecond({margin_s:UInt32}) AND timestamp < {until:DateTime64(9)} + toIntervalSecond({margin_s:UInt32})
                AND trace_id IN (SELECT trace_id FROM calls WHERE timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)})
            GROUP BY trace_id
            HAVING length(groupUniqArray((toUnixTimestamp64Nano(timestamp), toUnixTimestamp64Nano(timestamp) + toInt64(duration_ms * 1e6), span_id)) AS times) > 1
                AND arrayExists((earlier, later) -> later.1 <= earlier.2, arrayPopBack(arraySort(times)), arrayPopFront(arraySort(times)))
            LIMIT 1
        )
    ) > 0 AS nested,
    (
        SELECT count() FROM (
            SELECT 1 FROM otel_logs
            WHERE Timestamp >= {since:DateTime64(9)} - toIntervalSecond({margin_s:UInt32}) AND Timestamp < {until:DateTime64(9)} + toIntervalSecond({margin_s:UInt32})
                AND EventName = 'gen_ai.evaluation.result' AND SpanId = '' AND LogAttributes['gen_ai.response.id'] != ''
            LIMIT 1
        )
    ) > 0 AS evaluated
