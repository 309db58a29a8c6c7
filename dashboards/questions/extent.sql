-- From when to when there are calls, and how many: says why a window is empty.
-- Columns: calls, first_call, last_call (1970 when there are none).
SELECT count() AS calls, min(timestamp) AS first_call, max(timestamp) AS last_call
FROM calls FINAL
