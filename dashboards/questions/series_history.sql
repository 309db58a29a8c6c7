-- What one detector saw in one series, run by run.
-- Parameters: detector, series (String).
-- Columns: window_start, window_end, status, count, n, effect, low, high, baseline, baseline_n, e_value, threshold.
SELECT window_start, window_end, status, count, n, effect, low, high, baseline, baseline_n, e_value, threshold
FROM checks FINAL
WHERE detector = {detector:String} AND series = {series:String}
ORDER BY window_end
LIMIT 20000
