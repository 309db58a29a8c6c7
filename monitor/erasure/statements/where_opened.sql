-- Sums of hours that an erasure has opened: their tags may be the subject's.
(service, hour) IN (SELECT service, hour FROM hours_touched WHERE touched > now64(3))
