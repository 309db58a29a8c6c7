-- Every attempt to tell the outside something of one retrain: its request to the fine-tune job, its promotion, its rollback.
-- Parameters: retrain_id (String). Columns: those of monitor.deliveries.Delivery.
SELECT timestamp, sink, key, incident_id, kind, state, channel, message_id, leftUTF8(error, 500) AS error, due_at
FROM deliveries
WHERE sink IN ('retrain_webhook', 'release_webhook')
  AND (key = {retrain_id:String} OR startsWith(key, concat({retrain_id:String}, ':')))
ORDER BY timestamp, indexOf(['sending', 'failed', 'delivered', 'dead'], state)
LIMIT 2000
