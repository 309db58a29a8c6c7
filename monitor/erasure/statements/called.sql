-- When the subject's calls were, hour by hour. To be asked before the rows go. Parameters: request. Columns: service,
-- first, last (of the hour's calls).
SELECT service, min(timestamp) AS first, max(timestamp) AS last
FROM calls
WHERE trace_id IN (SELECT id FROM erasing WHERE request = {request:String} AND kind = 'trace')
    OR concat(trace_id, '/', span_id) IN (SELECT id FROM erasing WHERE request = {request:String} AND kind = 'span')
    OR session_id IN (SELECT id FROM erasing WHERE request = {request:String} AND kind = 'session')
    OR user_id IN (SELECT id FROM erasing WHERE request = {request:String} AND kind = 'user')
GROUP BY service, toStartOfHour(timestamp, 'UTC') AS hour
ORDER BY service, hour
SETTINGS log_queries = 0
