-- How many calls the review queue could ask about: all, those that something speaks against, and those in the slices of
-- open incidents. Rough on purpose (a call sent twice counts twice): it only says how far `review_calls` must thin them.
-- Parameters: service, since, until (half open), slices (each: its start in Unix seconds, names and values of what it is
-- made of). Columns: calls, failing, sliced.
SELECT count() AS calls,
    (
        SELECT uniq(trace_id) FROM scores
        WHERE target = 'call' AND service IN ({service:String}, '') AND source IN ('human', 'outcome', 'user', 'check', 'judge')
            AND timestamp >= {since:DateTime64(6, 'UTC')} AND scores.value <= 0
    ) AS failing,
    countIf(arrayExists(slice -> toUnixTimestamp(timestamp) >= slice.1 AND arrayAll((name, value) -> multiIf(
        name = 'release', toString(release) = value, name = 'model', toString(request_model) = value,
        startsWith(name, 'tag '), tags[substring(name, 5)] = value, false), slice.2, slice.3),
        {slices:Array(Tuple(UInt32, Array(String), Array(String)))})) AS sliced
FROM calls
WHERE service = {service:String}
    AND timestamp >= {since:DateTime64(6, 'UTC')} AND timestamp < {until:DateTime64(6, 'UTC')}
    AND status = 'ok' AND operation != 'embeddings'
