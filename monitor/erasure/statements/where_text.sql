-- Rows whose text has been written anew without the subject. Parameters: column, request, kind.
toString(cityHash64({column:Identifier})) IN (SELECT id FROM erasing WHERE request = {request:String} AND kind = {kind:String})
