-- Versions of a judge that gave verdicts on a service, the one seen last at the end. Parameters: service, name, since,
-- until (of the verdict). Columns: version, first, last, n.
SELECT author AS version, min(timestamp) AS first, max(timestamp) AS last, count() AS n
FROM scores
WHERE service = {service:String} AND source = 'judge' AND name = {name:String}
  AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
GROUP BY author
ORDER BY last
