-- The releases of a service, how long and how much each has run of late. A resent call may count twice here: this only
-- says which stretch to learn from. Parameters: service, since, until. Columns: those of monitor.jobs.structured.Running.
SELECT release, min(timestamp) AS first_ever, minIf(timestamp, timestamp >= {since:DateTime64(9)}) AS first,
    max(timestamp) AS last, countIf(timestamp >= {since:DateTime64(9)}) AS n
FROM calls
WHERE service = {service:String} AND timestamp < {until:DateTime64(9)} AND is_deleted = 0
GROUP BY release
HAVING n > 0
ORDER BY first_ever, release
