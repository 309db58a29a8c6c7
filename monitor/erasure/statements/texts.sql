-- Rows whose JSON text names an id put aside as a whole word of it, with the text's hash. Parameters: table, column, request.
SELECT *, toString(cityHash64({column:Identifier})) AS text_hash
FROM {table:Identifier}
WHERE hasAny(extractAll({column:Identifier}, '"([^"\\\\]{1,512})"'),
    (SELECT groupArray(id) FROM erasing WHERE request = {request:String} AND kind IN ('trace', 'session', 'user')))
    OR hasAny(extractAll({column:Identifier}, '"span_id":"([^"]+)"'),
        (SELECT groupArray(splitByChar('/', id)[2]) FROM erasing WHERE request = {request:String} AND kind = 'span'))
