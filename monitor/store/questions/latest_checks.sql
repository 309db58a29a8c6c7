-- The last row of every monitored series of a service. Parameter: service. Columns: those of monitor.records.CheckRow.
SELECT timestamp, check_id, detector, detector_version, series, service, release, field, window_start, window_end, status,
    count, n, effect, low, high, baseline, baseline_n, e_value, threshold, state, evidence
FROM checks FINAL
WHERE service = {service:String}
ORDER BY detector, series, window_end DESC
LIMIT 1 BY detector, series
