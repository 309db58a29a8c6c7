-- How many hours of services wait to be added up: quiet for a while, and not summed up or scored since
-- (a mark in the future waits: a sum made before it would have to be made again).
-- Parameters: quiet_s (UInt32), kept_since (DateTime64(3)). Columns: due.
SELECT count() AS due
FROM hour_states
WHERE (NOT sealed OR (scored_at > sealed_at AND scored_at < now64(6))) AND touched_at < now64(6) - {quiet_s:UInt32} AND hour >= {kept_since:DateTime64(3)}
