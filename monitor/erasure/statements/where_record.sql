-- Log records that belong to no trace and name the subject. Parameters: request.
TraceId = '' AND (
    hasAny(mapValues(mapFilter((k, v) -> match(lower(k), '(^|[._])(end)?user[._]?id$'), LogAttributes)), (SELECT groupArray(id) FROM erasing WHERE request = {request:String} AND kind = 'user'))
    OR hasAny(mapValues(mapFilter((k, v) -> match(lower(k), '(session|conversation|thread)[._]?id$'), LogAttributes)), (SELECT groupArray(id) FROM erasing WHERE request = {request:String} AND kind = 'session')))
