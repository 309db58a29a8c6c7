-- What people have said is normal for one series of a service, the latest word first.
-- Parameters: service, series (String). Columns: said_at, status (pinned, accepted, dataset, unpinned), actor, note, since,
--   until (of the span it names), dataset.
SELECT window_end AS said_at, status, JSONExtractString(evidence, 'actor') AS actor,
    JSONExtractString(evidence, 'note') AS note,
    parseDateTime64BestEffort(JSONExtractString(evidence, 'since'), 3, 'UTC') AS since,
    parseDateTime64BestEffort(JSONExtractString(evidence, 'until'), 3, 'UTC') AS until,
    JSONExtractString(evidence, 'dataset') AS dataset
FROM checks FINAL
WHERE service = {service:String} AND detector = 'baseline' AND series = {series:String}
ORDER BY window_end DESC
LIMIT 20
