-- The list prices that `migrate` stored. Columns: model, valid_from, valid_until, input_usd_per_million, cached_input_usd_per_million, output_usd_per_million, reasoning_usd_per_million, source.
SELECT model, valid_from, valid_until, input_usd_per_million, cached_input_usd_per_million, output_usd_per_million, reasoning_usd_per_million, source
FROM prices FINAL
WHERE NOT own
