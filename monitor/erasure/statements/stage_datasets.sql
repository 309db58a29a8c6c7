-- Puts aside the dataset versions that hold calls of the subject; those that they were trained on once more as
-- `trained`. Parameters: request.
INSERT INTO erasing
SELECT DISTINCT {request:String}, arrayJoin(if(split IN ('train', 'validation') AND label != '', ['dataset', 'trained'], ['dataset'])), dataset_version
FROM datasets
WHERE trace_id IN (SELECT id FROM erasing WHERE request = {request:String} AND kind = 'trace')
    OR concat(trace_id, '/', span_id) IN (SELECT id FROM erasing WHERE request = {request:String} AND kind = 'span')
SETTINGS log_queries = 0
