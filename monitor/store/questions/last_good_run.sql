-- Where a job's last good run ended. Parameter: job. Column: window_end; no row when there was none.
SELECT window_end FROM job_runs WHERE job = {job:String} AND outcome = 'ok' ORDER BY window_end DESC LIMIT 1
