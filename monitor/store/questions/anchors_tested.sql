-- When a judge was last tested on its anchors after a moment. Parameters: judge, since. Columns: tests, last.
SELECT count() AS tests, max(judged_at) AS last
FROM anchor_verdicts
WHERE judge = {judge:String} AND judged_at >= {since:DateTime64(3)}
