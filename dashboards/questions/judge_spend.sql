-- What judges cost, by UTC day and service, in production and in evaluations, which are of no service. The day is that of asking, as the budget counts.
-- Parameters: since, until (DateTime64(3)). Columns: day, purpose, service, usd,
-- verdicts, unpriced.
SELECT day, purpose, service, sum(cost) AS usd, count() AS verdicts, sum(unknown) AS unpriced
FROM (
    SELECT toStartOfDay(timestamp, 'UTC') AS day, 'production' AS purpose, toString(service) AS service, ifNull(cost_usd, 0) AS cost, isNull(cost_usd) AS unknown
    FROM scores FINAL
    WHERE source = 'judge' AND timestamp >= {since:DateTime64(3)} AND timestamp < {until:DateTime64(3)}
    UNION ALL
    SELECT toStartOfDay(timestamp, 'UTC'), 'evals', '', ifNull(cost_usd, 0), isNull(cost_usd)
    FROM evaluations FINAL
    WHERE judge_model != '' AND timestamp >= {since:DateTime64(3)} AND timestamp < {until:DateTime64(3)}
)
GROUP BY day, purpose, service
ORDER BY day, purpose, service
