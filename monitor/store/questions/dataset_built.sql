-- What is known of how a dataset version was built, and whether it has been tainted since.
-- Parameters: version. Columns: timestamp, event, actor, note, details.
SELECT timestamp, event, actor, note, details
FROM dataset_events
WHERE dataset_version = {version:String}
ORDER BY timestamp
