-- Runs of evaluations, newest first, a row per judge of each. A share of yes counts as the mean of its zeros and ones.
-- Parameters: how_many (rows). Columns: run_id, timestamp, dataset, dataset_hash, candidate, judge, judge_version, kind,
--   samples, n (verdicts), not_applicable, failed (no verdict although one was due), mean, yes, cost_usd, unpriced.
SELECT
    run_id, min(evaluations.timestamp) AS timestamp, any(evaluations.dataset) AS dataset,
    any(evaluations.dataset_hash) AS dataset_hash, any(evaluations.candidate) AS candidate, judge, judge_version,
    anyIf(evaluations.kind, status = 'ok') AS kind,
    count() AS samples, countIf(status = 'ok') AS n, countIf(status = 'not_applicable') AS not_applicable,
    countIf(status NOT IN ('ok', 'not_applicable')) AS failed,
    avgIf(value, status = 'ok') AS mean, countIf(status = 'ok' AND value = 1) AS yes,
    sum(evaluations.cost_usd) AS cost_usd, countIf(isNull(evaluations.cost_usd)) AS unpriced
FROM evaluations FINAL
GROUP BY run_id, judge, judge_version
ORDER BY timestamp DESC, run_id, judge
LIMIT {how_many:UInt32}
