-- The release that answered most of a service's latest calls in a time range; '' when there were none.
-- Parameters: service, since, until. Columns: one text.
SELECT topK(1)(release)[1]
FROM calls FINAL
WHERE service = {service:String}
    AND timestamp >= {since:DateTime64(6, 'UTC')} AND timestamp < {until:DateTime64(6, 'UTC')} AND release != ''
