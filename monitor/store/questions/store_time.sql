-- What the store's own clock says. Columns: now.
SELECT now64(3, 'UTC') AS now
