-- Releases and prompt versions of a service, the one seen last at the end. Parameters: service, until.
-- Columns: release, prompt_version, first, last.
SELECT release, prompt_version, min(timestamp) AS first, max(timestamp) AS last
FROM calls
WHERE service = {service:String} AND timestamp < {until:DateTime64(9)}
GROUP BY release, prompt_version
ORDER BY last
