-- Adds up the calls of some hours, after their tags and scores: this row is the seal. An hour whose calls are all gone gets
-- an empty one.
-- Parameters: due (Array(Tuple(String, DateTime('UTC'))): service and hour), began (DateTime64(6): the store's clock before).
INSERT INTO hours (
    service, hour, sealed_at,
    `by.release`, `by.environment`, `by.model`, `by.prompt_version`, `by.calls`, `by.errors`, `by.abandoned`, `by.weight`, `by.weight_failed`, `by.cost_usd`, `by.unpriced`, `by.input_tokens`, `by.output_tokens`, `by.took`, `by.first_token`, `by.first_call`, `by.last_call`,
    `tag.key`, `tag.value`, `tag.calls`
)
SELECT
    asked.service, asked.hour, {began:DateTime64(6)},
    added.`by.release`, added.`by.environment`, added.`by.model`, added.`by.prompt_version`, added.`by.calls`, added.`by.errors`, added.`by.abandoned`, added.`by.weight`, added.`by.weight_failed`, added.`by.cost_usd`, added.`by.unpriced`, added.`by.input_tokens`, added.`by.output_tokens`, added.`by.took`, added.`by.first_token`, added.`by.first_call`, added.`by.last_call`,
    tagged.`tag.key`, tagged.`tag.value`, tagged.`tag.calls`
FROM (SELECT due_hour.1 AS service, due_hour.2 AS hour FROM (SELECT arrayJoin({due:Array(Tuple(String, DateTime('UTC')))}) AS due_hour)) AS asked
LEFT JOIN (
    SELECT service, hour,
        groupArray(release) AS `by.release`, groupArray(environment) AS `by.environment`, groupArray(model) AS `by.model`, groupArray(prompt_version) AS `by.prompt_version`, groupArray(calls) AS `by.calls`, groupArray(errors) AS `by.errors`, groupArray(abandoned) AS `by.abandoned`, groupArray(weight) AS `by.weight`, groupArray(weight_failed) AS `by.weight_failed`, groupArray(cost_usd) AS `by.cost_usd`, groupArray(unpriced) AS `by.unpriced`, groupArray(input_tokens) AS `by.input_tokens`, groupArray(output_tokens) AS `by.output_tokens`, groupArray(took) AS `by.took`, groupArray(first_token) AS `by.first_token`, groupArray(first_call) AS `by.first_call`, groupArray(last_call) AS `by.last_call`
    FROM call_pieces(hours = {due:Array(Tuple(String, DateTime('UTC')))}, since = toDateTime64(0, 3), until = toDateTime64('2262-01-01 00:00:00', 3),
        release = '', environment = '', model = '', prompt_version = '', tag_key = '', tag_value = '', step_s = 3600, by_tag = 0)
    GROUP BY service, hour
) AS added ON added.service = asked.service AND added.hour = asked.hour
LEFT JOIN (
    SELECT service, hour, arrayFlatten(groupArray(`tag.key`)) AS `tag.key`, arrayFlatten(groupArray(`tag.value`)) AS `tag.value`,
        arrayFlatten(groupArray(`tag.calls`)) AS `tag.calls`
    FROM hours_tags
    WHERE hours_tags.sealed_at = {began:DateTime64(6)}
      AND (service, hour) IN {due:Array(Tuple(String, DateTime('UTC')))}
    GROUP BY service, hour
) AS tagged ON tagged.service = asked.service AND tagged.hour = asked.hour
