-- Spans of a service that the collector has taken since a moment, by its own account. Parameters: service, since, until.
-- Column: the count.
SELECT sum(count) FROM ledger
WHERE signal = 'traces' AND entry = 'accepted' AND service = {service:String}
  AND minute > toDateTime({since:DateTime64(3)}) AND minute < toDateTime({until:DateTime64(3)})
