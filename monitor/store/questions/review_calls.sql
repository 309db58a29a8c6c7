-- The calls that the review queue chooses from: successful calls of a service in a time range, thinned by a keyed hash of
-- their trace, those that something speaks against or that lie in the slice of an open incident less than others; and all
-- that somebody has answered about or that an incident shows. The same calls stay while the thinning does.
-- `label`: any right answer that is known. `signals`: as in `dataset_calls`. `reviewers`: people who have answered about it
-- in the queue; `asked_with`: the probability with which the first of them was asked. `kept`: the probability with which
-- the thinning keeps such a call; `shown`: an incident shows it.
-- Parameters: service, since, until (half open); first, second (the hash's key); ordinary, failing, sliced (hashes up to
-- these are in); shown (traces); slices (as in `review_sizes`). Columns: those of monitor.curation.traffic.TrafficCall.
WITH
scales AS (
    SELECT name, countIf(scores.value NOT IN (-1, 0, 1)) > 0 AS graded, quantile(0.05)(scores.value) AS low, median(scores.value) AS middle
    FROM scores FINAL
    WHERE source = 'judge' AND target = 'call' AND service IN ({service:String}, '') AND isFinite(scores.value)
        AND timestamp >= {since:DateTime64(6, 'UTC')}
    GROUP BY name
),
telling AS (
    SELECT scores.trace_id AS trace_id FROM scores
    LEFT JOIN scales ON scales.name = scores.name
    WHERE target = 'call' AND service IN ({service:String}, '') AND timestamp >= {since:DateTime64(6, 'UTC')}
        AND (
            (name = 'review' AND source = 'human')
            OR ((scores.value <= 0 OR (source = 'judge' AND graded AND scores.value <= low AND scores.value < middle))
                AND source IN ('human', 'outcome', 'user', 'check', 'judge')
                AND sipHash64Keyed(({first:UInt64}, {second:UInt64}), trace_id) <= {failing:UInt64})
        )
    UNION ALL
    SELECT arrayJoin({shown:Array(String)})
),
words AS (
    SELECT
        trace_id, span_id, source, name, author,
        argMax(scores.value, (scores.observed_at, scores.timestamp)) AS said,
        argMax(scores.expected, (scores.observed_at, scores.timestamp)) AS right_answer,
        min(scores.observed_at) AS first_said, argMin(scores.sampling_probability, scores.observed_at) AS asked_with
    FROM scores FINAL
    PREWHERE sipHash64Keyed(({first:UInt64}, {second:UInt64}), trace_id) <= greatest({ordinary:UInt64}, {sliced:UInt64})
        OR trace_id IN (SELECT trace_id FROM telling)
    WHERE target = 'call' AND service IN ({service:String}, '')
        AND source IN ('human', 'outcome', 'user', 'check', 'judge') AND NOT (source = 'human' AND scores.label = 'withdrawn')
    GROUP BY trace_id, span_id, source, name, author
),
verdicts AS (
    SELECT
        trace_id, span_id,
        anyIf(right_answer, right_answer != '' AND (source IN ('human', 'outcome') OR (source = 'judge' AND startsWith(author, 'model:')))) AS label,
        arrayFilter(one -> one != '', arraySort(groupUniqArray(multiIf(
            source = 'human' AND said <= 0, 'failed_review',
            source = 'outcome' AND said <= 0, 'failed_outcome',
            source = 'user' AND said <= 0, 'thumbs_down',
            source = 'check' AND said <= 0, 'failed_check',
            source = 'judge' AND isFinite(said) AND (said <= 0 OR (graded AND said <= low AND said < middle)), 'low_judge',
            '')))) AS signals,
        arraySort(groupUniqArrayIf(toString(author), source = 'human' AND name = 'review')) AS reviewers,
        argMinIf(asked_with, first_said, source = 'human' AND name = 'review') AS asked_with
    FROM words
    LEFT JOIN scales ON scales.name = words.name
    GROUP BY trace_id, span_id
)
SELECT * EXCEPT threshold FROM (
SELECT
    calls.timestamp AS timestamp,
    calls.trace_id AS trace_id,
    calls.span_id AS span_id,
    toString(calls.release) AS release,
    toString(calls.request_model) AS model,
    calls.tags AS tags,
    verdicts.label AS label,
    verdicts.signals AS signals,
    verdicts.reviewers AS reviewers,
    verdicts.asked_with AS asked_with,
    greatest({ordinary:UInt64}, if(notEmpty(verdicts.signals), {failing:UInt64}, 0), if(calls.sliced, {sliced:UInt64}, 0)) AS threshold,
    threshold / 18446744073709551615 AS kept,
    calls.trace_id IN {shown:Array(String)} AS shown
FROM (
    SELECT
        timestamp, trace_id, span_id, release, request_model, tags,
        sipHash64Keyed(({first:UInt64}, {second:UInt64}), trace_id) AS hash,
        arrayExists(slice -> toUnixTimestamp(timestamp) >= slice.1 AND arrayAll((name, value) -> multiIf(
            name = 'release', toString(release) = value, name = 'model', toString(request_model) = value,
            startsWith(name, 'tag '), tags[substring(name, 5)] = value, false), slice.2, slice.3),
            {slices:Array(Tuple(UInt32, Array(String), Array(String)))}) AS sliced
    FROM calls FINAL
    PREWHERE sipHash64Keyed(({first:UInt64}, {second:UInt64}), trace_id) <= greatest({ordinary:UInt64}, {sliced:UInt64})
        OR trace_id IN (SELECT trace_id FROM telling)
    WHERE service = {service:String}
        AND timestamp >= {since:DateTime64(6, 'UTC')} AND timestamp < {until:DateTime64(6, 'UTC')}
        AND status = 'ok' AND operation != 'embeddings'
) AS calls
LEFT JOIN verdicts ON calls.trace_id = verdicts.trace_id AND calls.span_id = verdicts.span_id
WHERE calls.hash <= threshold OR shown OR notEmpty(reviewers)
)
ORDER BY timestamp, trace_id, span_id
