-- Opens the summed-up hours whose calls are about to be old enough to go: they are read call by call from now on.
-- Parameters: kept_since (DateTime64(3)).
INSERT INTO hours_touched (service, hour, touched)
SELECT service, hour, now64(3)
FROM hour_states
WHERE sealed AND hour < {kept_since:DateTime64(3)}
