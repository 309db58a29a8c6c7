-- Adds up the calls of some hours by tag, in 16 shares of all tags, also empty ones: a row replaces its older one.
-- Parameters: due (Array(Tuple(String, DateTime('UTC'))): service and hour), began (DateTime64(6): the store's clock before).
INSERT INTO hours_tags (
    share, service, hour, sealed_at,
    `tag.key`, `tag.value`, `tag.calls`, `tag.errors`, `tag.abandoned`, `tag.weight`, `tag.weight_failed`, `tag.cost_usd`, `tag.unpriced`, `tag.input_tokens`, `tag.output_tokens`, `tag.took`, `tag.first_token`, `tag.first_call`, `tag.last_call`
)
SELECT
    asked.share, asked.service, asked.hour, {began:DateTime64(6)},
    added.`tag.key`, added.`tag.value`, added.`tag.calls`, added.`tag.errors`, added.`tag.abandoned`, added.`tag.weight`, added.`tag.weight_failed`, added.`tag.cost_usd`, added.`tag.unpriced`, added.`tag.input_tokens`, added.`tag.output_tokens`, added.`tag.took`, added.`tag.first_token`, added.`tag.first_call`, added.`tag.last_call`
FROM (
    SELECT due_hour.1 AS service, due_hour.2 AS hour, toUInt8(arrayJoin(range(16))) AS share
    FROM (SELECT arrayJoin({due:Array(Tuple(String, DateTime('UTC')))}) AS due_hour)
) AS asked
LEFT JOIN (
    SELECT service, hour, toUInt8(cityHash64(key, value) % 16) AS share,
        groupArray(key) AS `tag.key`, groupArray(value) AS `tag.value`, groupArray(calls) AS `tag.calls`, groupArray(errors) AS `tag.errors`, groupArray(abandoned) AS `tag.abandoned`, groupArray(weight) AS `tag.weight`, groupArray(weight_failed) AS `tag.weight_failed`, groupArray(cost_usd) AS `tag.cost_usd`, groupArray(unpriced) AS `tag.unpriced`, groupArray(input_tokens) AS `tag.input_tokens`, groupArray(output_tokens) AS `tag.output_tokens`, groupArray(took) AS `tag.took`, groupArray(first_token) AS `tag.first_token`, groupArray(first_call) AS `tag.first_call`, groupArray(last_call) AS `tag.last_call`
    FROM call_pieces(hours = {due:Array(Tuple(String, DateTime('UTC')))}, since = toDateTime64(0, 3), until = toDateTime64('2262-01-01 00:00:00', 3),
        release = '', environment = '', model = '', prompt_version = '', tag_key = '', tag_value = '', step_s = 3600, by_tag = 1)
    GROUP BY service, hour, share
) AS added ON added.service = asked.service AND added.hour = asked.hour AND added.share = asked.share
