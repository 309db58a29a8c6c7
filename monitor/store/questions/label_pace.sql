-- How long people take for one label: gaps between one person's labels one after the other, pauses of ten minutes and
-- more left out. Parameters: service, since, until (when they were told). Columns: n, seconds (the median).
SELECT countIf(gap > 0 AND gap < 600) AS n, ifNotFinite(quantileIf(0.5)(gap, gap > 0 AND gap < 600), 0) AS seconds
FROM (
    SELECT author, told, dateDiff('millisecond', lagInFrame(told, 1, told) OVER (PARTITION BY author ORDER BY told), told) / 1000 AS gap
    FROM (
        SELECT DISTINCT author, timestamp AS told FROM scores FINAL
        WHERE source = 'human' AND service = {service:String}
          AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
    )
)
