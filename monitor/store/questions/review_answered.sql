-- Calls that somebody has answered about in the review queue since a time. Parameters: service, since.
-- Columns: trace_id, span_id.
SELECT DISTINCT trace_id, span_id
FROM scores
WHERE service = {service:String} AND name = 'review' AND source = 'human' AND target = 'call'
    AND timestamp >= {since:DateTime64(6, 'UTC')} AND label != 'withdrawn'
