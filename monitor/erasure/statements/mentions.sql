-- In how many rows each column of a table still holds a text, as a word of its own. Parameters: table, pattern (in
-- hexadecimal, because a store may refuse backslashes beside a table's name).
-- Columns: one for each column of the table, in order.
WITH unhex({pattern:String}) AS wanted
SELECT * APPLY(x -> countIf(match(toString(x), wanted))) FROM {table:Identifier} SETTINGS log_queries = 0
