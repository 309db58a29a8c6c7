-- The rows of one run of evaluations. Parameters: run_id. Columns: those of monitor.evaluation.rows.EvaluationRow.
SELECT
    timestamp, run_id, dataset, dataset_hash, sample_id, trace_id, span_id, session_id, judge, judge_version,
    judge_model, kind, direction, candidate, model, status, value, label, reason, raw, mode, shown_order, cost_usd, input_tokens,
    output_tokens, requests, cache_hits, duration_ms, input, output, expected
FROM evaluations FINAL
WHERE run_id = {run_id:String}
ORDER BY judge, judge_version, sample_id
