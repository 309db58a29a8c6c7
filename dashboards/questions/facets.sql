-- What the filters can be set to, with how many calls each leaves: the values that occur in the stretch of time, commonest
-- first; of the service, where one is chosen. Services themselves are all listed.
-- Parameters: since, until (DateTime64(3)); service (String, '' = any).
-- Columns: facet (service, release, environment, model, prompt_version, tag as key=value), value, calls.
SELECT pair.1 AS facet, pair.2 AS value, sum(figures.calls) AS calls
FROM (
    SELECT service, release, environment, model, prompt_version, sum(f.calls) AS calls
    FROM call_figures(since = {since:DateTime64(3)}, until = {until:DateTime64(3)}, service = '', release = '',
        environment = '', model = '', prompt_version = '', tag_key = '', tag_value = '', step_s = 3600) AS f
    GROUP BY service, release, environment, model, prompt_version
) AS figures
ARRAY JOIN if({service:String} = '' OR service = {service:String},
    [('service', toString(service)), ('release', toString(release)), ('environment', toString(environment)),
     ('model', toString(model)), ('prompt_version', toString(prompt_version))],
    [('service', toString(service))]) AS pair
WHERE value != ''
GROUP BY facet, value
ORDER BY calls DESC, value
LIMIT 50 BY facet
UNION ALL
SELECT 'tag' AS facet, concat(key, '=', value) AS value, sum(tagged.calls) AS calls
FROM tag_figures(since = {since:DateTime64(3)}, until = {until:DateTime64(3)}, service = {service:String}) AS tagged
GROUP BY key, value
ORDER BY calls DESC, value
LIMIT 50
