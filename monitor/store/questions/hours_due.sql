-- Hours of services that wait to be added up, the newest first: quiet for a while, and not summed up or scored since
-- (a mark in the future waits: a sum made before it would have to be made again).
-- Parameters: quiet_s (UInt32: an insert takes less than this), kept_since (DateTime64(3)), how_many (UInt32).
-- Columns: service, hour, began (by the store's clock), waiting (with those that are left out).
SELECT toString(service) AS service, hour, now64(6) AS began, count() OVER () AS waiting
FROM hour_states
WHERE (NOT sealed OR (scored_at > sealed_at AND scored_at < now64(6))) AND touched_at < now64(6) - {quiet_s:UInt32} AND hour >= {kept_since:DateTime64(3)}
ORDER BY hour DESC, service
LIMIT {how_many:UInt32}
