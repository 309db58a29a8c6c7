-- How many spans and log records the store holds. Column: the count.
SELECT (SELECT count() FROM otel_traces) + (SELECT count() FROM otel_logs)
