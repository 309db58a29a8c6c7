-- From when to when there are calls, and how many: says why a window is empty.
-- Columns: calls, first_call, last_call (1970 when there are none).
SELECT sum(f.calls) AS calls, min(f.first_call) AS first_call, max(f.last_call) AS last_call
FROM call_figures(since = toDateTime64('1970-01-01', 3), until = toDateTime64('2200-01-01', 3), service = '', release = '',
    environment = '', model = '', prompt_version = '', tag_key = '', tag_value = '', step_s = 3600) AS f
