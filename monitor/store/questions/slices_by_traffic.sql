-- The values with the most calls of each attribute of a service: release, model, prompt version and tags. A value that
-- nearly all calls have is no slice. Parameters: service, since, until, top (values per attribute), least (calls).
-- Columns: attribute, value, n.
SELECT attribute, value, n
FROM (
    SELECT tupleElement(one, 1) AS attribute, tupleElement(one, 2) AS value, count() AS n, any(whole) AS whole
    FROM (
        SELECT arrayJoin(arrayConcat([('release', toString(release)), ('model', toString(request_model)), ('prompt version', toString(prompt_version))],
            arrayMap((name, value) -> (concat('tag ', name), value), mapKeys(tags), mapValues(tags)))) AS one,
            (SELECT count() FROM calls FINAL WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}) AS whole
        FROM calls FINAL
        WHERE service = {service:String} AND timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
    )
    GROUP BY attribute, value
)
WHERE value != '' AND n >= {least:UInt64} AND n < 0.99 * whole
ORDER BY attribute, n DESC, value
LIMIT {top:UInt64} BY attribute
