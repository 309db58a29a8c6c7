-- Adds up the calls of hours that have been quiet for a while; the newest hours first.
-- Parameters: quiet_s (UInt32: an insert takes less than this), kept_since (DateTime64(3)), how_many (UInt32: hours of services).
-- A trace belongs to the hour of its first call; one that had a call in the hour before is not counted again. A score
-- counts once: an outcome of a trace that was joined to its call is the same outcome; a verdict that is none (NaN) and
-- a detector's finding are left out. The element without a source counts all traces.
-- An hour whose calls are all gone gets an empty row. What the clock says is the store's.
INSERT INTO hours (
    service, hour, sealed_at,
    `by.release`, `by.environment`, `by.model`, `by.prompt_version`, `by.calls`, `by.errors`, `by.abandoned`, `by.weight`, `by.weight_failed`, `by.cost_usd`, `by.unpriced`, `by.input_tokens`, `by.output_tokens`, `by.took`, `by.first_token`, `by.first_call`, `by.last_call`,
    `tag.key`, `tag.value`, `tag.calls`, `tag.errors`, `tag.abandoned`, `tag.weight`, `tag.weight_failed`, `tag.cost_usd`, `tag.unpriced`, `tag.input_tokens`, `tag.output_tokens`, `tag.took`, `tag.first_token`, `tag.first_call`, `tag.last_call`,
    `told.facet`, `told.value`, `told.source`, `told.name`, `told.n`, `told.failures`, `told.weight`, `told.weight_failed`, `told.weight_squared`, `told.weight_value`, `told.largest`, `told.traces`, `told.delay`
)
WITH
    (SELECT groupArray((service, hour)) FROM (
        SELECT service, hour FROM hour_states
        WHERE (NOT sealed OR (scored_at > sealed_at AND scored_at < now64(6))) AND touched_at < now64(6) - {quiet_s:UInt32}
          AND hour >= {kept_since:DateTime64(3)}
        ORDER BY hour DESC, service LIMIT {how_many:UInt32})) AS due,
    now64(6) AS began
SELECT
    due_hour.1, due_hour.2, began,
    one.`by.release`, one.`by.environment`, one.`by.model`, one.`by.prompt_version`, one.`by.calls`, one.`by.errors`, one.`by.abandoned`, one.`by.weight`, one.`by.weight_failed`, one.`by.cost_usd`, one.`by.unpriced`, one.`by.input_tokens`, one.`by.output_tokens`, one.`by.took`, one.`by.first_token`, one.`by.first_call`, one.`by.last_call`,
    two.`tag.key`, two.`tag.value`, two.`tag.calls`, two.`tag.errors`, two.`tag.abandoned`, two.`tag.weight`, two.`tag.weight_failed`, two.`tag.cost_usd`, two.`tag.unpriced`, two.`tag.input_tokens`, two.`tag.output_tokens`, two.`tag.took`, two.`tag.first_token`, two.`tag.first_call`, two.`tag.last_call`,
    three.`told.facet`, three.`told.value`, three.`told.source`, three.`told.name`, three.`told.n`, three.`told.failures`, three.`told.weight`, three.`told.weight_failed`, three.`told.weight_squared`, three.`told.weight_value`, three.`told.largest`, three.`told.traces`, three.`told.delay`
FROM (SELECT arrayJoin(due) AS due_hour) AS asked
LEFT JOIN (
    SELECT service, hour,
        groupArray(release) AS `by.release`, groupArray(environment) AS `by.environment`, groupArray(model) AS `by.model`, groupArray(prompt_version) AS `by.prompt_version`, groupArray(calls) AS `by.calls`, groupArray(errors) AS `by.errors`, groupArray(abandoned) AS `by.abandoned`, groupArray(weight) AS `by.weight`, groupArray(weight_failed) AS `by.weight_failed`, groupArray(cost_usd) AS `by.cost_usd`, groupArray(unpriced) AS `by.unpriced`, groupArray(input_tokens) AS `by.input_tokens`, groupArray(output_tokens) AS `by.output_tokens`, groupArray(took) AS `by.took`, groupArray(first_token) AS `by.first_token`, groupArray(first_call) AS `by.first_call`, groupArray(last_call) AS `by.last_call`
    FROM (
        SELECT service, toStartOfHour(timestamp, 'UTC') AS hour, release, environment, request_model AS model, prompt_version,
            count() AS calls,
            countIf(status = 'error') AS errors,
            countIf(status = 'abandoned') AS abandoned,
            sum(1 / sampling_probability) AS weight,
            sumIf(1 / sampling_probability, status = 'error') AS weight_failed,
            sum(ifNull(c.cost_usd, 0)) AS cost_usd,
            countIf(c.cost_usd IS NULL) AS unpriced,
            sum(ifNull(c.input_tokens, 0)) AS input_tokens,
            sum(ifNull(c.output_tokens, 0)) AS output_tokens,
            quantilesBFloat16State(0.5, 0.95, 0.99)(duration_ms) AS took,
            quantilesBFloat16State(0.5, 0.95, 0.99)(time_to_first_token_ms) AS first_token,
            min(timestamp) AS first_call,
            max(timestamp) AS last_call
        FROM calls AS c FINAL
        WHERE (service, toStartOfHour(timestamp, 'UTC')) IN (SELECT arrayJoin(due))
        GROUP BY service, hour, release, environment, model, prompt_version
    )
    GROUP BY service, hour
) AS one ON one.service = due_hour.1 AND one.hour = due_hour.2
LEFT JOIN (
    SELECT service, hour,
        groupArray(key) AS `tag.key`, groupArray(value) AS `tag.value`, groupArray(calls) AS `tag.calls`, groupArray(errors) AS `tag.errors`, groupArray(abandoned) AS `tag.abandoned`, groupArray(weight) AS `tag.weight`, groupArray(weight_failed) AS `tag.weight_failed`, groupArray(cost_usd) AS `tag.cost_usd`, groupArray(unpriced) AS `tag.unpriced`, groupArray(input_tokens) AS `tag.input_tokens`, groupArray(output_tokens) AS `tag.output_tokens`, groupArray(took) AS `tag.took`, groupArray(first_token) AS `tag.first_token`, groupArray(first_call) AS `tag.first_call`, groupArray(last_call) AS `tag.last_call`
    FROM (
        SELECT service, toStartOfHour(timestamp, 'UTC') AS hour, tag.1 AS key, tag.2 AS value,
            count() AS calls,
            countIf(status = 'error') AS errors,
            countIf(status = 'abandoned') AS abandoned,
            sum(1 / sampling_probability) AS weight,
            sumIf(1 / sampling_probability, status = 'error') AS weight_failed,
            sum(ifNull(c.cost_usd, 0)) AS cost_usd,
            countIf(c.cost_usd IS NULL) AS unpriced,
            sum(ifNull(c.input_tokens, 0)) AS input_tokens,
            sum(ifNull(c.output_tokens, 0)) AS output_tokens,
            quantilesBFloat16State(0.5, 0.95, 0.99)(duration_ms) AS took,
            quantilesBFloat16State(0.5, 0.95, 0.99)(time_to_first_token_ms) AS first_token,
            min(timestamp) AS first_call,
            max(timestamp) AS last_call
        FROM calls AS c FINAL
        ARRAY JOIN arrayZip(mapKeys(tags), mapValues(tags)) AS tag
        WHERE (service, toStartOfHour(timestamp, 'UTC')) IN (SELECT arrayJoin(due))
        GROUP BY service, hour, key, value
    )
    GROUP BY service, hour
) AS two ON two.service = due_hour.1 AND two.hour = due_hour.2
LEFT JOIN (
    SELECT service, hour,
        groupArray(facet) AS `told.facet`, groupArray(value) AS `told.value`, groupArray(source) AS `told.source`, groupArray(name) AS `told.name`, groupArray(n) AS `told.n`, groupArray(failures) AS `told.failures`, groupArray(weight) AS `told.weight`, groupArray(weight_failed) AS `told.weight_failed`, groupArray(weight_squared) AS `told.weight_squared`, groupArray(weight_value) AS `told.weight_value`, groupArray(largest) AS `told.largest`, groupArray(traces) AS `told.traces`, groupArray(delay) AS `told.delay`
    FROM (
        SELECT
            service, hour, facet, value, source, name,
            uniqExactIf(verdict.5, verdict.1 != '') AS n,
            uniqExactIf(verdict.5, verdict.1 != '' AND verdict.3 <= 0) AS failures,
            sum(verdict.6) AS weight,
            sumIf(verdict.6, verdict.3 <= 0) AS weight_failed,
            sum(verdict.6 * verdict.6) AS weight_squared,
            sum(verdict.6 * verdict.3) AS weight_value,
            max(verdict.3) AS largest,
            uniqExact(trace_id) AS traces,
            quantilesBFloat16State(0.5, 0.95, 0.99)(toFloat64(greatest(0, dateDiff('second', called_at, verdict.4)))) AS delay
        FROM (
            SELECT
                service, hour, traced.trace_id AS trace_id, called_at, arrayJoin(facets) AS facet_of,
                facet_of.1 AS facet, facet_of.2 AS value,
                arrayJoin(arrayConcat([('', '', toFloat64(0), called_at, '', toFloat64(0))], verdicts)) AS verdict,
                verdict.1 AS source, verdict.2 AS name
            FROM (
                SELECT
                    service, toStartOfHour(timestamp, 'UTC') AS hour, trace_id, min(c.timestamp) AS called_at,
                    arrayDistinct(arrayFlatten(groupUniqArray([('', ''), ('release', toString(release)), ('environment', toString(environment)),
                        ('model', toString(request_model)), ('prompt_version', toString(prompt_version))]))) AS facets
                FROM calls AS c FINAL
                WHERE (service, toStartOfHour(timestamp, 'UTC')) IN (SELECT arrayJoin(due))
                  AND (service, trace_id, toStartOfHour(timestamp, 'UTC')) NOT IN (
                      SELECT service, trace_id, toStartOfHour(timestamp, 'UTC') + toIntervalHour(1) FROM calls
                      WHERE (service, toStartOfHour(timestamp, 'UTC')) IN (SELECT arrayJoin(arrayMap(one -> (one.1, one.2 - toIntervalHour(1)), due))))
                GROUP BY service, hour, trace_id
            ) AS traced
            LEFT JOIN (
                SELECT trace_id, groupArray((latest.1, latest.2, latest.3, latest.4, told, latest.5)) AS verdicts
                FROM (
                    SELECT
                        trace_id, replaceOne(score_id, 'joined:', '') AS told,
                        argMax((toString(s.source), toString(s.name), s.value, s.observed_at, 1 / s.sampling_probability), s.timestamp) AS latest
                    FROM scores_by_time AS s
                    WHERE timestamp >= (SELECT min(one.2) FROM (SELECT arrayJoin(due) AS one)) - toIntervalDay(1)
                      AND trace_id IN (SELECT trace_id FROM calls WHERE (service, toStartOfHour(timestamp, 'UTC')) IN (SELECT arrayJoin(due)))
                    GROUP BY trace_id, score_id
                    HAVING NOT isNaN(latest.3) AND isFinite(latest.5) AND latest.2 NOT IN (SELECT detector FROM checks)
                )
                GROUP BY trace_id
            ) AS judged ON judged.trace_id = traced.trace_id
        )
        GROUP BY service, hour, facet, value, source, name
    )
    GROUP BY service, hour
) AS three ON three.service = due_hour.1 AND three.hour = due_hour.2
