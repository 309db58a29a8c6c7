-- Rows of the subject's spans in traces that others share. Parameters: trace, span, request.
concat({trace:Identifier}, '/', {span:Identifier}) IN (SELECT id FROM erasing WHERE request = {request:String} AND kind = 'span')
