-- Baseline rate of a watched field or rate series, and the calls it was learnt on. Parameters: service, field ('' for a
-- rate), series. Columns: baseline, baseline_n; no row when there is none.
SELECT baseline, baseline_n
FROM checks FINAL
WHERE service = {service:String} AND if({field:String} = '', series = {series:String}, field = {field:String}) AND baseline_n > 0
ORDER BY window_end DESC
LIMIT 1
