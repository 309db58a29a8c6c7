-- Adds up the verdicts on the traces of some hours, for each facet alone and for none.
-- Parameters: due (Array(Tuple(String, DateTime('UTC'))): service and hour), began (DateTime64(6): the store's clock before).
INSERT INTO hours_told (
    facet, service, hour, sealed_at,
    `told.value`, `told.source`, `told.name`, `told.n`, `told.failures`, `told.weight`, `told.weight_failed`, `told.weight_squared`, `told.weight_value`, `told.largest`, `told.traces`, `told.delay`
)
SELECT
    asked.facet, asked.service, asked.hour, {began:DateTime64(6)},
    added.`told.value`, added.`told.source`, added.`told.name`, added.`told.n`, added.`told.failures`, added.`told.weight`, added.`told.weight_failed`, added.`told.weight_squared`, added.`told.weight_value`, added.`told.largest`, added.`told.traces`, added.`told.delay`
FROM (
    SELECT due_hour.1 AS service, due_hour.2 AS hour, arrayJoin(['', 'release', 'environment', 'model', 'prompt_version']) AS facet
    FROM (SELECT arrayJoin({due:Array(Tuple(String, DateTime('UTC')))}) AS due_hour)
) AS asked
LEFT JOIN (
    SELECT service, hour, facet,
        groupArray(value) AS `told.value`, groupArray(source) AS `told.source`, groupArray(name) AS `told.name`, groupArray(n) AS `told.n`, groupArray(failures) AS `told.failures`, groupArray(weight) AS `told.weight`, groupArray(weight_failed) AS `told.weight_failed`, groupArray(weight_squared) AS `told.weight_squared`, groupArray(weight_value) AS `told.weight_value`, groupArray(largest) AS `told.largest`, groupArray(traces) AS `told.traces`, groupArray(delay) AS `told.delay`
    FROM told_pieces(hours = {due:Array(Tuple(String, DateTime('UTC')))}, since = toDateTime64(0, 3), until = toDateTime64('2262-01-01 00:00:00', 3),
        release = '', environment = '', model = '', prompt_version = '', tag_key = '', tag_value = '', step_s = 3600, by_facet = 1)
    GROUP BY service, hour, facet
) AS added ON added.service = asked.service AND added.hour = asked.hour AND added.facet = asked.facet
