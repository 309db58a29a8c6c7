-- Calls that lack something which a log record tells of them, where the call or the record lies in the window and the other within the margin. Parameters: since, until, margin_s. Columns: trace_id, span_id.
WITH
told AS (
    SELECT
        TraceId AS trace_id,
        SpanId AS span_id,
        max(Timestamp >= {since:DateTime64(9)} AND Timestamp < {until:DateTime64(9)}) AS is_new,
        -- the older events count once each; those without content tell nothing
        uniqExactIf((Timestamp, Body), EventName IN ('gen_ai.system.message', 'gen_ai.user.message', 'gen_ai.assistant.message', 'gen_ai.tool.message') AND match(Body, '^[^{]|"content":("[^"]|[\\[{])|"tool_calls":\\[')) AS messages_in,
        uniqExactIf((Timestamp, Body), EventName = 'gen_ai.choice' AND match(Body, '^[^{]|"content":("[^"]|[\\[{])|"tool_calls":\\[')) AS messages_out,
        countIf(EventName = 'gen_ai.choice' AND match(Body, '"finish_reason":"[^"]')) AS choices,
        groupUniqArrayArray(mapKeys(LogAttributes)) AS keys
    FROM otel_logs
    WHERE Timestamp >= {since:DateTime64(9)} - toIntervalSecond({margin_s:UInt32}) AND Timestamp < {until:DateTime64(9)} + toIntervalSecond({margin_s:UInt32})
        AND EventName IN ('gen_ai.client.inference.operation.details', 'gen_ai.system.message', 'gen_ai.user.message', 'gen_ai.assistant.message', 'gen_ai.tool.message', 'gen_ai.choice', 'gen_ai.content.prompt', 'gen_ai.content.completion')
        AND SpanId != ''
        AND (
            (Timestamp >= {since:DateTime64(9)} AND Timestamp < {until:DateTime64(9)})
            OR TraceId IN (SELECT trace_id FROM calls WHERE timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)})
        )
    GROUP BY TraceId, SpanId
)
SELECT c.trace_id AS trace_id, c.span_id AS span_id
FROM calls AS c FINAL
INNER JOIN told AS t ON t.trace_id = c.trace_id AND t.span_id = c.span_id
WHERE c.timestamp >= {since:DateTime64(9)} - toIntervalSecond({margin_s:UInt32}) AND c.timestamp < {until:DateTime64(9)} + toIntervalSecond({margin_s:UInt32})
    AND c.trace_id IN (SELECT trace_id FROM told)
    AND (t.is_new OR (c.timestamp >= {since:DateTime64(9)} AND c.timestamp < {until:DateTime64(9)}))
    AND (
        (c.input_messages = '' AND (t.messages_in > 0 OR hasAny(t.keys, ['gen_ai.input.messages', 'gen_ai.system_instructions', 'gen_ai.prompt'])))
        OR (c.output_messages = '' AND c.operation != 'embeddings' AND (t.messages_out > 0 OR hasAny(t.keys, ['gen_ai.output.messages', 'gen_ai.completion'])))
        OR (c.input_tokens IS NULL AND has(t.keys, 'gen_ai.usage.input_tokens'))
        OR (c.output_tokens IS NULL AND has(t.keys, 'gen_ai.usage.output_tokens'))
        OR (c.cached_input_tokens IS NULL AND has(t.keys, 'gen_ai.usage.cache_read.input_tokens'))
        OR (c.reasoning_tokens IS NULL AND has(t.keys, 'gen_ai.usage.reasoning.output_tokens'))
        OR (c.finish_reason = '' AND (t.choices > 0 OR has(t.keys, 'gen_ai.response.finish_reasons')))
        OR (c.provider = '' AND hasAny(t.keys, ['gen_ai.provider.name', 'gen_ai.system']))
        OR (c.request_model = '' AND has(t.keys, 'gen_ai.request.model'))
        OR (c.response_model = '' AND has(t.keys, 'gen_ai.response.model'))
        OR (c.session_id = '' AND hasAny(t.keys, ['gen_ai.conversation.id', 'session.id']))
        OR (c.user_id = '' AND hasAny(t.keys, ['user.id', 'enduser.id']))
        -- more of the conversation has come since
        OR (c.version > 0 AND (t.messages_in > JSONLength(c.input_messages) OR t.messages_out > JSONLength(c.output_messages)))
    )
