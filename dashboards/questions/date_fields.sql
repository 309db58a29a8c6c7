-- What was last learnt of every date field. Parameters: service (String, '' = any), until (DateTime64(3)).
-- Columns: service, field, learnt_at, n (answers behind it), state (JSON, see monitor.jobs.dates.DateField).
SELECT service, field, window_end AS learnt_at, baseline_n AS n, state
FROM checks FINAL
WHERE detector = 'date_profile' AND field != '' AND window_end <= {until:DateTime64(3)}
  AND ({service:String} = '' OR service = {service:String})
ORDER BY window_end DESC
LIMIT 1 BY service, field
LIMIT 200
