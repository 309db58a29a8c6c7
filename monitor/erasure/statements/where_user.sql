-- Rows that name the user. Parameters: request.
user_id IN (SELECT id FROM erasing WHERE request = {request:String} AND kind = 'user')
