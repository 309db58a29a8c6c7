-- The release that made most of a service's calls since a moment; no row without calls. Parameters: service, since, until.
-- Column: release.
SELECT release
FROM calls
WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
GROUP BY release
ORDER BY count() DESC, max(timestamp) DESC
LIMIT 1
