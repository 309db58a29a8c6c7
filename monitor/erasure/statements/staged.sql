-- What has been put aside. Parameters: request. Columns: kind, id.
SELECT DISTINCT kind, id FROM erasing WHERE request = {request:String} ORDER BY kind, id
