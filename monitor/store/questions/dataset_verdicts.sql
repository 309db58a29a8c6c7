-- What one kind of score says of a dataset's random share: failures (0 or less) and looks over the calls of its reserved
-- split, of each call the latest word. Parameters: version, service, source, name. Columns: count, n.
SELECT toUInt64(countIf(said <= 0)) AS count, toUInt64(count()) AS n
FROM (
    SELECT argMax(value, scores.timestamp) AS said
    FROM scores FINAL
    WHERE service = {service:String} AND source = {source:String} AND name = {name:String} AND target = 'call' AND isFinite(value)
      AND (trace_id, span_id) IN (
          SELECT trace_id, span_id FROM datasets FINAL
          WHERE dataset_version = {version:String} AND service = {service:String} AND split = 'reserved')
    GROUP BY trace_id, span_id
)
