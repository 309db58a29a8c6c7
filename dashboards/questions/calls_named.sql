-- Some calls as a list shows them. Parameters: hours (Array(UInt32), seconds since 1970, in which they began), services, traces,
--   spans (Array(String)). Columns: those of call_list.
SELECT
    timestamp, trace_id, span_id, service, release, request_model, status, error_type, duration_ms,
    input_tokens, output_tokens, cost_usd,
    leftUTF8(calls.input, 160) AS input,
    leftUTF8(calls.output, 160) AS output
FROM calls FINAL
WHERE service IN {services:Array(String)} AND trace_id IN {traces:Array(String)} AND span_id IN {spans:Array(String)}
  AND toStartOfHour(timestamp, 'UTC') IN (SELECT toDateTime(arrayJoin({hours:Array(UInt32)}), 'UTC'))
