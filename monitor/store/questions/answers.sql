-- Every call's answer. Columns: trace_id, timestamp, output.
SELECT trace_id, timestamp, output FROM calls FINAL ORDER BY timestamp
