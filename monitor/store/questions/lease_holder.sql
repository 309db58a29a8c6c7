-- Who holds a lease: the oldest claim that is not released and was renewed lately. Parameters: name, ttl_s. Column: holder.
SELECT holder
FROM leases
WHERE name = {name:String} AND timestamp > now64(3) - toIntervalDay(1)
GROUP BY holder
HAVING max(released) = 0 AND max(timestamp) > now64(3) - toIntervalSecond({ttl_s:UInt32})
ORDER BY min(timestamp), holder
LIMIT 1
