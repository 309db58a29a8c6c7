-- USD spent on judges since a moment. Parameter: since. Column: the sum; verdicts of unknown price count nothing.
SELECT sum(coalesce(cost_usd, 0)) FROM scores FINAL WHERE source = 'judge' AND timestamp >= {since:DateTime64(9)}
