-- What one detector saw in one series of one service in a stretch of time, look by look, the latest first.
-- Parameters: service, detector, series (String), since, until (DateTime64(3)), how_many (UInt32).
-- Columns: window_start, window_end, status, count, n, baseline, baseline_n, e_value, threshold.
SELECT window_start, window_end, status, count, n, baseline, baseline_n, e_value, threshold
FROM checks FINAL
WHERE service = {service:String} AND detector = {detector:String} AND series = {series:String}
  AND window_end > {since:DateTime64(3)} AND window_end <= {until:DateTime64(3)}
ORDER BY window_end DESC
LIMIT {how_many:UInt32}
