-- Every service that has sent a call. Column: service.
SELECT DISTINCT service FROM calls ORDER BY service
