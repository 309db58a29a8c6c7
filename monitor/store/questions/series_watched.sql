-- How many series the whole deployment watches: those with a verdict since a moment. A slice's name ends in its
-- conditions, as in `call/error [release=v2]`. Parameter: since. Columns: overall, slices.
SELECT uniqExactIf((service, detector, series), position(series, ' [') = 0) AS overall,
    uniqExactIf((service, detector, series), position(series, ' [') > 0) AS slices
FROM checks
WHERE window_end >= {since:DateTime64(3)} AND status IN ('stable', 'watch', 'drift') AND threshold > 0
