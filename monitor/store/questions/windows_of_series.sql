-- Events and looks of one series by window since a moment, in order. Parameters: detector, series, service, since.
-- Columns: window_end, count, n, window_start.
SELECT window_end, count, n, window_start
FROM checks FINAL
WHERE detector = {detector:String} AND series = {series:String} AND service = {service:String}
  AND window_end > {since:DateTime64(3)} AND n > 0
ORDER BY window_end
