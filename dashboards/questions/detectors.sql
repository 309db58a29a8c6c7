-- The latest word of every detector on every series of the services.
-- Parameters: service (String, '' = any), until (DateTime64(3)).
-- Columns: service, detector, series, release, field, status, count, n, effect, low, high, baseline, baseline_n,
--   e_value, threshold, window_end.
SELECT
    service, detector, series, release, field, status, count, n, effect, low, high, baseline, baseline_n,
    e_value, threshold, window_end
FROM checks FINAL
WHERE window_end <= {until:DateTime64(3)} AND ({service:String} = '' OR service = {service:String})
ORDER BY window_end DESC
LIMIT 1 BY detector, series
LIMIT 1000
