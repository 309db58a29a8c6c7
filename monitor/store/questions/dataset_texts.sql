-- The texts of chosen calls. The time range lets the primary key do the work.
-- Parameters: service, since, until (both ends included), traces. Columns: those of monitor.curation.traffic.CallText.
SELECT trace_id, span_id, timestamp, release, input, input_messages, output, output_messages
FROM calls FINAL
WHERE service = {service:String}
    AND timestamp >= {since:DateTime64(6, 'UTC')} AND timestamp < {until:DateTime64(6, 'UTC')} + INTERVAL 1 MILLISECOND
    AND trace_id IN {traces:Array(String)}
ORDER BY timestamp, trace_id, span_id
