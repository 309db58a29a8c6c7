-- The spans of traces in which one LLM call may lie within another: some call is in the window, and two of the trace's calls overlap in time. Parameters: since, until, margin_s. Columns: those of monitor.store.completion.Nested.
WITH
candidates AS (
    SELECT
        trace_id,
        arraySort(groupUniqArray((toUnixTimestamp64Nano(timestamp), toUnixTimestamp64Nano(timestamp) + toInt64(duration_ms * 1e6), span_id))) AS times
    FROM calls
    WHERE timestamp >= {since:DateTime64(9)} - toIntervalSecond({margin_s:UInt32}) AND timestamp < {until:DateTime64(9)} + toIntervalSecond({margin_s:UInt32})
        AND trace_id != ''
        AND trace_id IN (SELECT trace_id FROM calls WHERE timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)})
    GROUP BY trace_id
    HAVING length(times) > 1 AND arrayExists((earlier, later) -> later.1 <= earlier.2, arrayPopBack(times), arrayPopFront(times))
)
SELECT trace_id, span_id, parent_span_id, timestamp, duration_ms, kind, models, operation, input_tokens, output_tokens, status, version, is_deleted
FROM (
    SELECT trace_id, span_id, parent_span_id, timestamp, duration_ms, 'call' AS kind, [lower(request_model), lower(response_model)] AS models,
        CAST(operation, 'String') AS operation, input_tokens, output_tokens, CAST(status, 'String') AS status, version, false AS is_deleted
    FROM calls FINAL
    WHERE timestamp >= {since:DateTime64(9)} - toIntervalSecond({margin_s:UInt32}) AND timestamp < {until:DateTime64(9)} + toIntervalSecond({margin_s:UInt32})
        AND trace_id IN (SELECT trace_id FROM candidates)
    UNION ALL
    -- what was found to be a wrapper before still knows things that a call inside it may lack
    SELECT trace_id, span_id, parent_span_id, timestamp, duration_ms, 'call', [lower(request_model), lower(response_model)],
        CAST(operation, 'String'), input_tokens, output_tokens, CAST(status, 'String'), version, true
    FROM calls
    WHERE is_deleted
        AND timestamp >= {since:DateTime64(9)} - toIntervalSecond({margin_s:UInt32}) AND timestamp < {until:DateTime64(9)} + toIntervalSecond({margin_s:UInt32})
        AND trace_id IN (SELECT trace_id FROM candidates)
    LIMIT 1 BY trace_id, span_id
    UNION ALL
    SELECT trace_id, span_id, parent_span_id, timestamp, duration_ms, CAST(kind, 'String'), [], '', NULL, NULL, CAST(status, 'String'), version, false
    FROM steps FINAL
    WHERE timestamp >= {since:DateTime64(9)} - toIntervalSecond({margin_s:UInt32}) AND timestamp < {until:DateTime64(9)} + toIntervalSecond({margin_s:UInt32})
        AND trace_id IN (SELECT trace_id FROM candidates)
)
ORDER BY trace_id, timestamp, is_deleted
