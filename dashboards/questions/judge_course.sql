-- What a judge's verdicts on a service's calls say over time, by version: the mean weighted by the inverse of the
-- probability with which a call was drawn (Hájek), with the variance of that mean and as many calls as would be worth it.
-- The latest word on a call counts. Parameters: service, judge, since, until (of the call), bucket_s.
-- Columns: at, version, n, mean, variance, n_eff.
SELECT at, version, count() AS n, sum(w * value) / sum(w) AS mean,
    greatest(0, sum(w * w * value * value) - 2 * mean * sum(w * w * value) + mean * mean * sum(w * w)) / (sum(w) * sum(w)) AS variance,
    sum(w) * sum(w) / sum(w * w) AS n_eff
FROM (
    SELECT toDateTime(intDiv(toUnixTimestamp(toDateTime(observed_at, 'UTC')), {bucket_s:UInt32}) * {bucket_s:UInt32}, 'UTC') AS at,
        splitByChar('/', author)[-1] AS version, value, 1 / sampling_probability AS w
    FROM scores FINAL
    WHERE name = {judge:String} AND source = 'judge' AND target = 'call' AND service = {service:String} AND isFinite(value)
        AND observed_at >= {since:DateTime64(3)} AND observed_at < {until:DateTime64(3)}
)
GROUP BY at, version
ORDER BY at, version
