-- Attempts to tell sinks something since a moment, in order. Parameter: since. Columns: those of monitor.alerts.outbox.Delivery.
SELECT timestamp, sink, key, incident_id, kind, state, channel, message_id, error
FROM deliveries
WHERE timestamp >= {since:DateTime64(3)}
ORDER BY timestamp, state = 'sending' DESC
