-- What each judge's verdicts have cost, in evaluations and in production (replies from the cache and checks are left out:
-- they cost nothing and say nothing of the price), and how unequally its production calls were drawn.
-- Parameters: since. Columns: those of monitor.evaluation.planning.Past.
WITH production AS (
    SELECT name AS judge, cost_usd, 1 / sampling_probability AS weight
    FROM scores FINAL
    WHERE source = 'judge' AND timestamp >= {since:DateTime64(3, 'UTC')} AND sampling_probability > 0
),
everything AS (
    SELECT judge, cost_usd, toFloat64(0) AS weight, toUInt8(0) AS drawn
    FROM evaluations FINAL
    WHERE timestamp >= {since:DateTime64(3, 'UTC')}
    UNION ALL
    SELECT judge, cost_usd, weight, toUInt8(1) AS drawn FROM production
)
SELECT
    judge, countIf(cost_usd > 0) AS verdicts, avgIf(cost_usd, cost_usd > 0) AS mean_usd,
    sum(weight) AS weights, sum(weight * weight) AS squares, sum(drawn) AS drawn
FROM everything
GROUP BY judge
ORDER BY judge
