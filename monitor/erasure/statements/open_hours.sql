-- Opens the summed-up hours of the subject's calls before these are deleted, for longer than that takes: the hours are
-- read call by call until they are summed up again. Parameters: request.
INSERT INTO hours_touched (service, hour, touched)
SELECT service, toStartOfHour(timestamp, 'UTC') AS hour, max(now64(3) + toIntervalHour(1)) AS touched
FROM calls
WHERE trace_id IN (SELECT id FROM erasing WHERE request = {request:String} AND kind = 'trace')
    OR concat(trace_id, '/', span_id) IN (SELECT id FROM erasing WHERE request = {request:String} AND kind = 'span')
    OR session_id IN (SELECT id FROM erasing WHERE request = {request:String} AND kind = 'session')
    OR user_id IN (SELECT id FROM erasing WHERE request = {request:String} AND kind = 'user')
GROUP BY service, hour
SETTINGS log_queries = 0
