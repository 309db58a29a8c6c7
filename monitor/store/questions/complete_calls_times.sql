-- When there are calls in a window, as the beginnings of quarters of a day, so that a long one is worked through in pieces. Parameters: since, until. Columns: quarter.
SELECT DISTINCT toStartOfInterval(timestamp, INTERVAL 6 HOUR) AS quarter
FROM calls
WHERE timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
ORDER BY quarter
