-- Sampled inputs or outputs of a service, in order of time: the traces whose hash is below the share; the same text once
-- an hour, since retries, bots and batches say nothing new by repeating themselves; at most 4,000 characters of each.
-- Parameters: service, part (input or output), release ('' = any), share (of 1), since, until, most (rows).
-- Columns: timestamp, trace_id, span_id, release, text_hash, text.
SELECT timestamp, trace_id, span_id, release, text_hash, text
FROM (
    SELECT timestamp, trace_id, span_id, release, cityHash64(whole) AS text_hash, substringUTF8(whole, 1, 4000) AS text
    FROM (
        SELECT timestamp, trace_id, span_id, release, if({part:String} = 'input', input, output) AS whole
        FROM calls FINAL
        WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
          AND ({release:String} = '' OR release = {release:String})
          AND cityHash64('outerloop-text', trace_id) % 65536 < {share:Float64} * 65536)
    WHERE whole != ''
    ORDER BY timestamp, span_id
    LIMIT 1 BY text_hash, toStartOfHour(timestamp))
ORDER BY timestamp, span_id
LIMIT {most:UInt64}
