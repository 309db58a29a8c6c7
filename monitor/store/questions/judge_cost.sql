-- Mean price of a judge's verdicts in a span of time. Parameters: judge, since, until (when they were told).
-- Column: USD; NULL where none was priced.
SELECT avgOrNull(cost_usd) FROM scores FINAL
WHERE name = {judge:String} AND source = 'judge' AND cost_usd IS NOT NULL
  AND timestamp >= {since:DateTime64(9)} AND timestamp <= {until:DateTime64(9)}
