-- Marks the hours of calls that were scored since this was last asked, so that they are added up again. The mark lies
-- `quiet_s` after the telling: a sum that was made in between may have missed a score that was under way.
-- Parameters: quiet_s (UInt32: an insert takes less than this).
INSERT INTO hours_touched (service, hour, scored)
SELECT c.service AS service, toStartOfHour(c.timestamp, 'UTC') AS hour, max(s.told) + {quiet_s:UInt32} AS scored
FROM calls AS c
INNER JOIN (
    SELECT trace_id, max(told_at) AS told FROM scores_by_time
    WHERE told_at > (SELECT max(hours_touched.scored) FROM hours_touched) - 2 * {quiet_s:UInt32}
    GROUP BY trace_id
) AS s ON s.trace_id = c.trace_id
GROUP BY service, hour
