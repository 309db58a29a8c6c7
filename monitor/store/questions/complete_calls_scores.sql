-- Gives scores the calls they belong to. The row is a nanosecond younger than the one it replaces, so that it also wins over the same event sent again. Parameters: scores, traces, spans (side by side).
INSERT INTO scores
SELECT * REPLACE (
    addNanoseconds(timestamp, 1) AS timestamp,
    {traces:Array(String)}[indexOf({scores:Array(String)}, score_id)] AS trace_id,
    {spans:Array(String)}[indexOf({scores:Array(String)}, score_id)] AS span_id)
FROM (
    SELECT * FROM scores FINAL
    WHERE score_id IN {scores:Array(String)} AND target = 'call' AND trace_id = '' AND span_id = ''
)
SETTINGS insert_deduplicate = 0
