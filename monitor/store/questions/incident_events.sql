-- Every event in every incident's life, in order. Columns: those of monitor.records.IncidentEvent.
SELECT timestamp, incident_id, event, actor, via, note, service, title, severity, cause, field, detector, series, started_at, details
FROM incidents
ORDER BY incident_id, timestamp
