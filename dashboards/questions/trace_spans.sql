-- Every call and every other step of one trace, in order of time, without their texts: `step_texts` has these.
-- Parameters: trace_id (String), how_many (UInt32).
-- Columns: those of dashboards.rows.Span.
SELECT *
FROM (
    SELECT
        timestamp, span_id, parent_span_id, service, release, environment, 'call' AS kind, operation AS name,
        request_model, response_model, provider, prompt_name, prompt_version, session_id, user_id, tags,
        input_tokens, output_tokens, usage_estimated, cost_usd, duration_ms, time_to_first_token_ms,
        status, error_type, leftUTF8(calls.error_message, 2000) AS error_message, finish_reason, convention
    FROM calls FINAL
    WHERE trace_id = {trace_id:String}
    UNION ALL
    SELECT
        timestamp, span_id, parent_span_id, service, release, environment, toString(kind) AS kind, name,
        '' AS request_model, '' AS response_model, '' AS provider, '' AS prompt_name, '' AS prompt_version,
        session_id, user_id, tags,
        NULL AS input_tokens, NULL AS output_tokens, false AS usage_estimated, NULL AS cost_usd, duration_ms, NULL AS time_to_first_token_ms,
        status, error_type, leftUTF8(steps.error_message, 2000) AS error_message, '' AS finish_reason,
        convention
    FROM steps FINAL
    WHERE trace_id = {trace_id:String}
)
ORDER BY timestamp, parent_span_id != '', span_id
LIMIT {how_many:UInt32}
