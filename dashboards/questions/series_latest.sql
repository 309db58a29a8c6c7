-- The last word of every watched series up to a moment, with what it says for itself. What jobs keep for themselves (what
-- was learnt, a person's word) is left out. The keys are found first, so that states and old evidence are never read.
-- Parameters: service (String, '' = any), since, until (DateTime64(3)): series without a row since then are left out.
-- Columns: those of monitor.records.CheckRow, `state` always ''.
SELECT timestamp, check_id, detector, detector_version, series, service, release, field, window_start, window_end, status,
    count, n, effect, low, high, baseline, baseline_n, e_value, threshold, '' AS state, evidence
FROM checks FINAL
WHERE ({service:String} = '' OR service = {service:String})
  AND detector != 'baseline' AND NOT endsWith(detector, '_profile')
  AND (service, detector, series, window_end) IN (
      SELECT service, detector, series, max(window_end) FROM checks
      WHERE ({service:String} = '' OR service = {service:String})
        AND window_end >= {since:DateTime64(3)} AND window_end <= {until:DateTime64(3)}
      GROUP BY service, detector, series)
ORDER BY service, detector, series
LIMIT 20000
