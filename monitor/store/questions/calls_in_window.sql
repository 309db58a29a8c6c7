-- How many calls a service made in a window; resent ones may count twice, which an estimate of a sampling rate does not
-- mind. Parameters: service, since, until. Column: count.
SELECT count() AS count
FROM calls
WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
