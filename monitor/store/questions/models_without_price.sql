-- Models whose calls used tokens in the window and have no cost: no sender told one and no price is known for that day. Parameters: since. Columns: model, calls, last_call.
SELECT if(response_model != '', response_model, request_model) AS model, count() AS calls, max(timestamp) AS last_call
FROM calls FINAL
WHERE timestamp >= {since:DateTime64(9)} AND cost_usd IS NULL AND (input_tokens > 0 OR output_tokens > 0)
GROUP BY model
ORDER BY calls DESC
LIMIT 100
