-- Every event in every retrain's life, in order. Columns: those of monitor.records.RetrainEvent.
SELECT
    timestamp, retrain_id, event, actor, via, note, incident_id, service, base_release, candidate_release, dataset_version,
    details
FROM retrains
ORDER BY retrain_id, timestamp
