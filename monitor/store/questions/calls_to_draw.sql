-- Successful calls of a service in a window that a judge has had no draw of yet, with the cheap signals that are known
-- of each now, in order of time. Signals: `failed_check`, a check said no; `feedback`, a user did; `doubt`, the answer
-- was cut short or filtered, or a judge and people differed before in its session; `novel`, its messages are longer or
-- shorter than those of 99 of 100 calls in the week before (once there are 200).
-- Parameters: judge, service, since, until. Columns: those of monitor.judging.sampling.Undrawn.
WITH usual AS (
    SELECT count() AS n, quantiles(0.005, 0.995)(length(input_messages)) AS asked, quantiles(0.005, 0.995)(length(output_messages)) AS said
    FROM calls
    WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} - INTERVAL 7 DAY AND timestamp < {until:DateTime64(9)}
), about AS (
    SELECT trace_id, span_id, session_id, target, source, value
    FROM scores FINAL
    WHERE service IN ({service:String}, '') AND value IN (-1, 0, 1) AND observed_at >= {since:DateTime64(9)} - INTERVAL 1 DAY
)
SELECT timestamp, trace_id, span_id, release, prompt_version, environment, request_model, tags,
    arrayFilter(name -> name != '', [
        if((trace_id, span_id) IN (SELECT trace_id, span_id FROM about WHERE source = 'check' AND value <= 0), 'failed_check', ''),
        if((trace_id, span_id) IN (SELECT trace_id, span_id FROM about WHERE source = 'user' AND value <= 0)
            OR trace_id IN (SELECT trace_id FROM about WHERE source = 'user' AND value <= 0 AND trace_id != '' AND target = 'trace'), 'feedback', ''),
        if(lower(finish_reason) IN ('length', 'max_tokens', 'content_filter', 'refusal', 'safety', 'recitation')
            OR (session_id != '' AND session_id IN (
                SELECT session_id FROM about WHERE session_id != ''
                GROUP BY session_id, trace_id, span_id
                HAVING anyIf(value, source = 'judge') != anyIf(value, source IN ('human', 'outcome', 'user'))
                    AND countIf(source = 'judge') > 0 AND countIf(source IN ('human', 'outcome', 'user')) > 0)), 'doubt', ''),
        if((SELECT n FROM usual) >= 200 AND (
            length(input_messages) < (SELECT asked[1] FROM usual) OR length(input_messages) > (SELECT asked[2] FROM usual)
            OR length(output_messages) < (SELECT said[1] FROM usual) OR length(output_messages) > (SELECT said[2] FROM usual)), 'novel', '')
    ]) AS signals
FROM calls FINAL
WHERE service = {service:String} AND status = 'ok' AND operation != 'embeddings'
  AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
  AND (trace_id, span_id) NOT IN (
      SELECT trace_id, span_id FROM draws
      WHERE judge = {judge:String} AND service = {service:String}
        AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)})
ORDER BY timestamp, span_id
