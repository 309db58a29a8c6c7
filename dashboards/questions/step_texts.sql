-- What went into one step of a trace and came out; each text up to `longest` characters, messages only where ten times as
-- much holds them whole.
-- Parameters: service, trace_id, span_id (String), at (DateTime64(6), its time), longest (UInt32).
-- Columns: those of dashboards.rows.StepTexts.
SELECT
    leftUTF8(calls.input, {longest:UInt32}) AS input, leftUTF8(calls.output, {longest:UInt32}) AS output,
    lengthUTF8(calls.input) AS input_length, lengthUTF8(calls.output) AS output_length,
    if(length(calls.input_messages) > 10 * {longest:UInt32}, '', calls.input_messages) AS input_messages,
    if(length(calls.output_messages) > 10 * {longest:UInt32}, '', calls.output_messages) AS output_messages
FROM calls FINAL
WHERE service = {service:String} AND trace_id = {trace_id:String} AND span_id = {span_id:String}
  AND timestamp >= {at:DateTime64(6, 'UTC')} - INTERVAL 1 MILLISECOND AND timestamp <= {at:DateTime64(6, 'UTC')} + INTERVAL 1 MILLISECOND
UNION ALL
SELECT
    leftUTF8(steps.input, {longest:UInt32}) AS input, leftUTF8(steps.output, {longest:UInt32}) AS output,
    lengthUTF8(steps.input) AS input_length, lengthUTF8(steps.output) AS output_length,
    '' AS input_messages, '' AS output_messages
FROM steps FINAL
WHERE service = {service:String} AND trace_id = {trace_id:String} AND span_id = {span_id:String}
  AND timestamp >= {at:DateTime64(6, 'UTC')} - INTERVAL 1 MILLISECOND AND timestamp <= {at:DateTime64(6, 'UTC')} + INTERVAL 1 MILLISECOND
LIMIT 1
