-- Every call and every other step of one trace, in order of time; each text up to `longest` characters.
-- Parameters: trace_id (String), longest (UInt32).
-- Columns: those of dashboards.rows.Span.
SELECT *
FROM (
    SELECT
        timestamp, span_id, parent_span_id, service, release, environment, 'call' AS kind, operation AS name,
        request_model, response_model, provider, prompt_name, prompt_version, session_id, user_id, tags,
        leftUTF8(calls.input, {longest:UInt32}) AS input, leftUTF8(calls.output, {longest:UInt32}) AS output,
        lengthUTF8(calls.input) AS input_length, lengthUTF8(calls.output) AS output_length,
        if(lengthUTF8(calls.input_messages) > {longest:UInt32}, '', calls.input_messages) AS input_messages,
        if(lengthUTF8(calls.output_messages) > {longest:UInt32}, '', calls.output_messages) AS output_messages,
        leftUTF8(calls.tool_calls, {longest:UInt32}) AS tool_calls,
        input_tokens, output_tokens, usage_estimated, cost_usd, duration_ms, time_to_first_token_ms,
        status, error_type, leftUTF8(calls.error_message, {longest:UInt32}) AS error_message, finish_reason, convention
    FROM calls FINAL
    WHERE trace_id = {trace_id:String}
    UNION ALL
    SELECT
        timestamp, span_id, parent_span_id, service, release, environment, toString(kind) AS kind, name,
        '' AS request_model, '' AS response_model, '' AS provider, '' AS prompt_name, '' AS prompt_version,
        session_id, user_id, tags,
        leftUTF8(steps.input, {longest:UInt32}) AS input, leftUTF8(steps.output, {longest:UInt32}) AS output,
        lengthUTF8(steps.input) AS input_length, lengthUTF8(steps.output) AS output_length,
        '' AS input_messages, '' AS output_messages, '' AS tool_calls,
        NULL AS input_tokens, NULL AS output_tokens, false AS usage_estimated, NULL AS cost_usd, duration_ms, NULL AS time_to_first_token_ms,
        status, error_type, leftUTF8(steps.error_message, {longest:UInt32}) AS error_message, '' AS finish_reason,
        convention
    FROM steps FINAL
    WHERE trace_id = {trace_id:String}
)
ORDER BY timestamp, parent_span_id != '', span_id
LIMIT 500
