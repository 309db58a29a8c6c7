-- When a collector of ours last wrote its account; stock collectors write none. Columns: last, entries.
SELECT max(minute) AS last, count() AS entries FROM ledger
