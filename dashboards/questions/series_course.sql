-- What one detector saw in one series of one service, run by run, the latest runs first.
-- Parameters: service, detector, series (String), until (DateTime64(3)), how_many (UInt32).
-- Columns: window_start, window_end, status, count, n, effect, low, high, baseline, baseline_n, e_value, threshold,
--   p_value (of this window alone; NULL where a detector tells none).
SELECT window_start, window_end, status, count, n, effect, low, high, baseline, baseline_n, e_value, threshold,
    JSONExtract(evidence, 'p_value', 'Nullable(Float64)') AS p_value
FROM checks FINAL
WHERE service = {service:String} AND detector = {detector:String} AND series = {series:String}
  AND window_end <= {until:DateTime64(3)}
ORDER BY window_end DESC
LIMIT {how_many:UInt32}
