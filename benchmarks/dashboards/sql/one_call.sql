-- A call from the middle of it all. Columns: trace_id, session_id, user_id.
SELECT trace_id, session_id, user_id FROM calls LIMIT 1 OFFSET 1000
