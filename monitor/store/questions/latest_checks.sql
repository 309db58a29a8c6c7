-- The last row of every monitored series of a service. Parameter: service. Columns: those of monitor.records.CheckRow.
SELECT timestamp, check_id, detector, detector_version, series, service, release, field, window_start, window_end, status,
    count, n, effect, low, high, baseline, baseline_n, e_value, threshold, state, evidence
FROM checks FINAL
WHERE service = {service:String}
  AND (detector, series, window_end) IN (
      SELECT detector, series, max(window_end) FROM checks WHERE service = {service:String} GROUP BY detector, series)
ORDER BY detector, series
