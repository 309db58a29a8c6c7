-- Calls of a service about which two people have given a verdict in the review queue, each one's latest.
-- Parameters: service, since, until (when answered). Columns: one, other (names, in order), one_value, other_value.
WITH said AS (
    SELECT trace_id, span_id, toString(author) AS author, argMax(value, (observed_at, scores.timestamp)) AS value
    FROM scores FINAL
    WHERE service = {service:String} AND name = 'review' AND source = 'human' AND target = 'call' AND label != 'withdrawn'
        AND observed_at >= {since:DateTime64(9)} AND observed_at <= {until:DateTime64(9)}
    GROUP BY trace_id, span_id, author
)
SELECT first.author AS one, second.author AS other, first.value AS one_value, second.value AS other_value
FROM said AS first
INNER JOIN said AS second ON first.trace_id = second.trace_id AND first.span_id = second.span_id
WHERE first.author < second.author AND NOT isNaN(first.value) AND NOT isNaN(second.value)
ORDER BY one, other, first.trace_id, first.span_id
