-- Puts one id of an erasure aside. Parameters: request, kind, ids.
INSERT INTO erasing SELECT {request:String}, {kind:String}, arrayJoin({ids:Array(String)}) SETTINGS log_queries = 0
