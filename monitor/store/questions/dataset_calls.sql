-- The traffic a dataset is made from: every successful call of a service in a time range, without its text, with the best
-- label known (a person's before an outcome's, then the latest), whether it is known to have failed, and a hash of its
-- normalised input (letters' case and white space do not count), by which near-duplicates are recognised.
-- Parameters: service, since, until (half open). Columns: those of monitor.retrain.dataset.TrafficCall.
WITH verdicts AS (
    SELECT
        trace_id, span_id,
        argMaxIf(expected, (source = 'human', observed_at, timestamp), expected != '' AND source IN ('human', 'outcome')) AS label,
        argMaxIf(
            concat(source, if(author = '', '', concat(':', author))), (source = 'human', observed_at, timestamp),
            expected != '' AND source IN ('human', 'outcome')
        ) AS label_author,
        countIf(source IN ('outcome', 'user', 'human') AND value <= 0) AS failed_outcomes,
        countIf(source = 'check' AND value <= 0) AS failed_checks
    FROM scores FINAL
    WHERE target = 'call' AND service IN ({service:String}, '') AND source IN ('human', 'outcome', 'user', 'check')
    GROUP BY trace_id, span_id
)
SELECT
    calls.timestamp AS timestamp,
    calls.trace_id AS trace_id,
    calls.span_id AS span_id,
    sipHash64(lowerUTF8(trimBoth(replaceRegexpAll(calls.input, '\\s+', ' ')))) AS input_hash,
    verdicts.label AS label,
    verdicts.label_author AS label_author,
    multiIf(verdicts.failed_outcomes > 0, 'failed_outcome', verdicts.failed_checks > 0, 'failed_check', '') AS failed
FROM calls FINAL
LEFT JOIN verdicts ON calls.trace_id = verdicts.trace_id AND calls.span_id = verdicts.span_id
WHERE calls.service = {service:String}
    AND calls.timestamp >= {since:DateTime64(6, 'UTC')} AND calls.timestamp < {until:DateTime64(6, 'UTC')}
    AND calls.status = 'ok' AND calls.operation != 'embeddings'
ORDER BY timestamp, trace_id, span_id
