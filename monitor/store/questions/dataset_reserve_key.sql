-- The fingerprint of the reserve key with which a service's latest dataset version was built; no row when there is none.
-- Parameters: service. Columns: fingerprint.
SELECT JSONExtractString(details, 'reserve_key') AS fingerprint
FROM dataset_events
WHERE service = {service:String} AND event = 'built'
ORDER BY timestamp DESC
LIMIT 1
