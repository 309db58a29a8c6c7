-- The traffic a dataset and the review queue are made from: every successful call of a service in a time range, without its
-- text, with what is known of it. Of each author under each name the latest word counts.
-- `label`: the right answer by the best author who knows it: a person, then an outcome, then a stronger model
-- (`model:<name>`); of equals the latest. `signals`: why it may be hard; a judge's score is low at 0 and below, or, on a
-- scale, where it is below the judge's median and among its lowest 5 % of this time. `input_hash`: of the normalised input
-- (letters' case and white space do not count). `reviewers`: people who have answered about it in the review queue.
-- Parameters: service, since, until (half open). Columns: those of monitor.curation.traffic.TrafficCall.
WITH words AS (
    SELECT
        trace_id, span_id, source, name, author, max(observed_at) AS at,
        argMax(scores.value, (scores.observed_at, scores.timestamp)) AS said,
        argMax(scores.expected, (scores.observed_at, scores.timestamp)) AS right_answer,
        multiIf(source = 'human', 3, source = 'outcome', 2, source = 'judge' AND startsWith(author, 'model:'), 1, 0) AS trust
    FROM scores FINAL
    WHERE target = 'call' AND service IN ({service:String}, '')
        AND source IN ('human', 'outcome', 'user', 'check', 'judge') AND NOT (source = 'human' AND scores.label = 'withdrawn')
    GROUP BY trace_id, span_id, source, name, author
),
scales AS (
    SELECT name, countIf(said NOT IN (-1, 0, 1)) > 0 AS graded, quantile(0.05)(said) AS low, median(said) AS middle
    FROM words WHERE source = 'judge' AND isFinite(said) GROUP BY name
),
verdicts AS (
    SELECT
        trace_id, span_id,
        argMaxIf(right_answer, (trust, at), right_answer != '' AND trust > 0) AS label,
        argMaxIf(
            multiIf(trust = 1, toString(author), author = '', toString(source), concat(source, ':', author)), (trust, at),
            right_answer != '' AND trust > 0
        ) AS label_author,
        arrayFilter(one -> one != '', arraySort(groupUniqArray(multiIf(
            source = 'human' AND said <= 0, 'failed_review',
            source = 'outcome' AND said <= 0, 'failed_outcome',
            source = 'user' AND said <= 0, 'thumbs_down',
            source = 'check' AND said <= 0, 'failed_check',
            source = 'judge' AND isFinite(said) AND (said <= 0 OR (graded AND said <= low AND said < middle)), 'low_judge',
            '')))) AS signals,
        arraySort(groupUniqArrayIf(toString(author), source = 'human' AND name = 'review')) AS reviewers
    FROM words
    LEFT JOIN scales ON scales.name = words.name
    GROUP BY trace_id, span_id
)
SELECT
    calls.timestamp AS timestamp,
    calls.trace_id AS trace_id,
    calls.span_id AS span_id,
    calls.session_id AS session_id,
    toString(calls.release) AS release,
    toString(calls.request_model) AS model,
    calls.tags AS tags,
    sipHash64(lowerUTF8(trimBoth(replaceRegexpAll(calls.input, '\\s+', ' ')))) AS input_hash,
    verdicts.label AS label,
    verdicts.label_author AS label_author,
    verdicts.signals AS signals,
    verdicts.reviewers AS reviewers
FROM calls FINAL
LEFT JOIN verdicts ON calls.trace_id = verdicts.trace_id AND calls.span_id = verdicts.span_id
WHERE calls.service = {service:String}
    AND calls.timestamp >= {since:DateTime64(6, 'UTC')} AND calls.timestamp < {until:DateTime64(6, 'UTC')}
    AND calls.status = 'ok' AND calls.operation != 'embeddings'
ORDER BY timestamp, trace_id, span_id
