-- The sorting key knows the hour, yet a bound on `timestamp` alone is not led back to it: these say for each block of
-- rows from when to when it goes. They serve every question about a stretch of time, whatever its service.
ALTER TABLE calls ADD INDEX IF NOT EXISTS idx_timestamp timestamp TYPE minmax GRANULARITY 1;
ALTER TABLE steps ADD INDEX IF NOT EXISTS idx_timestamp timestamp TYPE minmax GRANULARITY 1;
