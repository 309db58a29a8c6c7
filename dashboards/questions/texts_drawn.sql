-- The beginnings of the texts of some calls. Parameters: service, part (`input` or `output`) (String), since, until
-- (DateTime64(9)), traces (Array(String)), longest (UInt32, characters). Columns: trace_id, span_id, text.
SELECT trace_id, span_id, substringUTF8(if({part:String} = 'input', input, output), 1, {longest:UInt32}) AS text
FROM calls FINAL
WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
  AND trace_id IN {traces:Array(String)}
