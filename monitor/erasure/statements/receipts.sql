-- Earlier erasures of the same subject. Parameters: request. Columns: those of `erasures`.
SELECT erased_at, request, kind, rows, files, datasets, releases, log, mentions, complete
FROM erasures WHERE request = {request:String} ORDER BY erased_at
