-- What the filters can be set to: the values that occur anywhere in the store, commonest first.
-- Columns: facet (service, release, environment, model, prompt_version, tag as key=value), value, rows.
SELECT facet, value, count() AS rows
FROM calls
ARRAY JOIN
    arrayConcat(
        [('service', toString(service)), ('release', toString(release)), ('environment', toString(environment)),
         ('model', toString(request_model)), ('prompt_version', toString(prompt_version))],
        arrayMap((key, value) -> ('tag', concat(key, '=', value)), mapKeys(tags), mapValues(tags))
    ) AS pair
WHERE (pair.1 AS facet) != '' AND (pair.2 AS value) != ''
GROUP BY facet, value
ORDER BY facet, rows DESC
LIMIT 50 BY facet
