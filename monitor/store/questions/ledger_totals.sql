-- The collector's whole account by entry. Columns: entry, count.
SELECT entry, sum(count) AS count FROM ledger GROUP BY entry
