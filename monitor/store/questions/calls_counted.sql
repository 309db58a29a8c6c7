-- How many calls the store holds, each counted once. Column: the count.
SELECT count() FROM calls FINAL
