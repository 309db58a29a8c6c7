-- Messages that somebody has not taken since a moment: alerts and the webhooks of the retrain loop; attempts of one message
-- are one row. Parameters: since (DateTime64(3)), how_many (UInt32).
-- Columns: sink, key, incident_id, kind, first_at, last_at, state (failed, dead, or sending: begun and not confirmed),
-- failures, due_at (not to be tried again before; 1970 where it names none), error (the latest).
SELECT sink, key, argMax(incident_id, timestamp) AS incident_id, argMax(kind, timestamp) AS kind,
    min(timestamp) AS first_at, max(timestamp) AS last_at,
    argMax(deliveries.state, (timestamp, indexOf(['sending', 'failed', 'delivered', 'dead'], deliveries.state))) AS last_state,
    countIf(deliveries.state = 'failed') AS failures, maxIf(due_at, deliveries.state = 'failed') AS due_at,
    leftUTF8(argMaxIf(error, timestamp, error != ''), 500) AS error
FROM deliveries
WHERE timestamp >= {since:DateTime64(3)}
GROUP BY sink, key
HAVING last_state IN ('failed', 'dead', 'sending')
ORDER BY last_state != 'dead', last_at DESC
LIMIT {how_many:UInt32}
