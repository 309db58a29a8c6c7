-- When there are calls in a window, and how many, by quarter of a day, so that a long window is worked through in pieces. Parameters: since, until. Columns: quarter, calls.
SELECT toStartOfInterval(timestamp, INTERVAL 6 HOUR) AS quarter, count() AS calls
FROM calls
WHERE timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
GROUP BY quarter
ORDER BY quarter
