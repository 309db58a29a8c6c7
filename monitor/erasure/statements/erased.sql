-- Keyed hashes of everything that was erased: of a trace, and of a span ('' where the whole trace was). Parameters: none.
-- Columns: trace, span.
SELECT DISTINCT trace, span FROM erased_calls
