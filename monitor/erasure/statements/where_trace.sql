-- Rows of the subject's traces. Parameters: trace, request.
{trace:Identifier} IN (SELECT id FROM erasing WHERE request = {request:String} AND kind = 'trace')
