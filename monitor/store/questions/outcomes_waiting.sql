-- How many outcomes told about a trace or session have not found their call. Parameters: since, until. Column: the count.
SELECT count()
FROM scores FINAL
WHERE source IN ('outcome', 'user') AND target IN ('trace', 'session')
  AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
  AND concat('joined:', score_id) NOT IN (SELECT score_id FROM scores WHERE source IN ('outcome', 'user') AND target = 'call')
