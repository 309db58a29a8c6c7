-- What became of each message about one incident: attempts of one message are one row, the latest changed last.
-- Parameters: incident_id (String). Columns: sink, kind, first_at, last_at, state (of the latest row), failures, error (the
-- latest there was), due_at (of the latest failure: not to be tried again before; 1970 where it names none).
SELECT sink, argMax(kind, timestamp) AS kind, min(timestamp) AS first_at, max(timestamp) AS last_at,
    argMax(state, (timestamp, indexOf(['sending', 'failed', 'delivered', 'dead'], state))) AS state,
    countIf(deliveries.state = 'failed') AS failures,
    leftUTF8(argMaxIf(error, timestamp, error != ''), 500) AS error,
    maxIf(due_at, deliveries.state = 'failed') AS due_at
FROM deliveries
WHERE incident_id = {incident_id:String} AND key NOT LIKE 'digested:%'
GROUP BY sink, key
ORDER BY last_at
LIMIT 500
