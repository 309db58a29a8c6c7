-- Attempts to tell sinks something since a moment, in order. Parameter: since. Columns: those of monitor.deliveries.Delivery.
SELECT timestamp, sink, key, incident_id, kind, state, channel, message_id, error, due_at
FROM deliveries
WHERE timestamp >= {since:DateTime64(3)}
ORDER BY timestamp, indexOf(['sending', 'failed', 'delivered', 'dead'], state)
