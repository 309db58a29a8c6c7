-- Rows of the subject's sessions. Parameters: request.
session_id IN (SELECT id FROM erasing WHERE request = {request:String} AND kind = 'session')
