-- What the calls of one service in one hour add up to, so that a view of sixty days reads rows by the thousand and not by
-- the million. It is exact, for it is used only while it is known to be:
--
-- calls --hours_touched_mv--> hours_touched    when rows of this hour last came, by the store's own clock
-- the job `hours` adds up an hour that has been quiet for a while ("seals" it); a seal is believed while nothing has
-- come since. `call_figures` adds sealed hours to the calls of all others, which it reads themselves. So a span that
-- comes late or twice opens its hour again at once, and without the job everything is right and only slower.
-- An older form of these sums is thrown away: the job makes them anew.
DROP VIEW IF EXISTS call_figures;
DROP VIEW IF EXISTS scored_figures;
DROP VIEW IF EXISTS tag_figures;
DROP VIEW IF EXISTS hour_states;
DROP TABLE IF EXISTS hours;

CREATE TABLE IF NOT EXISTS hours_touched (
    service LowCardinality(String),
    hour DateTime('UTC'),
    touched SimpleAggregateFunction(max, DateTime64(3)),
    scored SimpleAggregateFunction(max, DateTime64(3))
) ENGINE = AggregatingMergeTree
ORDER BY (service, hour)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS hours_touched_mv TO hours_touched AS
SELECT service, toStartOfHour(timestamp, 'UTC') AS hour, max(now64(3)) AS touched
FROM calls
GROUP BY service, hour;

-- Sums lie in three tables, so that a question reads no more than it asks for. In each an hour's rows hold their parts
-- in arrays: a row replaces the hour's older one as a whole, or not at all. `hours` is written last; its row is the seal.
-- Latencies are sketches (DDSketch): each quantile is within 1 % of a latency that was measured.

-- `by.…` has an element for each combination of what the filters can say; `tag.…` counts the calls of each tag. ORDER BY
-- serves "this service in this time".
CREATE TABLE IF NOT EXISTS hours (
    service LowCardinality(String),
    hour DateTime('UTC'),
    sealed_at DateTime64(6),
    `by.release` Array(LowCardinality(String)),
    `by.environment` Array(LowCardinality(String)),
    `by.model` Array(LowCardinality(String)),
    `by.prompt_version` Array(LowCardinality(String)),
    `by.calls` Array(UInt64),
    `by.errors` Array(UInt64),
    `by.abandoned` Array(UInt64),
    `by.weight` Array(Float64),
    `by.weight_failed` Array(Float64),
    `by.cost_usd` Array(Float64),
    `by.unpriced` Array(UInt64),
    `by.input_tokens` Array(UInt64),
    `by.output_tokens` Array(UInt64),
    `by.took` Array(AggregateFunction(quantilesDD(0.01, 0.5, 0.95, 0.99), Float64)),
    `by.first_token` Array(AggregateFunction(quantilesDD(0.01, 0.5, 0.95, 0.99), Nullable(Float64))),
    `by.first_call` Array(DateTime64(9)),
    `by.last_call` Array(DateTime64(9)),
    `tag.key` Array(String),
    `tag.value` Array(String),
    `tag.calls` Array(UInt64)
) ENGINE = ReplacingMergeTree(sealed_at)
PARTITION BY toYYYYMM(hour)
ORDER BY (service, hour)
SETTINGS non_replicated_deduplication_window = 10000;

-- `tag.…` has an element for each tag alone, since combinations with tags are nearly as many as calls. An hour has a row
-- for each of 16 shares of all tags: a question about one tag reads one share, which ORDER BY serves.
CREATE TABLE IF NOT EXISTS hours_tags (
    share UInt8,
    service LowCardinality(String),
    hour DateTime('UTC'),
    sealed_at DateTime64(6),
    `tag.key` Array(String),
    `tag.value` Array(String),
    `tag.calls` Array(UInt64),
    `tag.errors` Array(UInt64),
    `tag.abandoned` Array(UInt64),
    `tag.weight` Array(Float64),
    `tag.weight_failed` Array(Float64),
    `tag.cost_usd` Array(Float64),
    `tag.unpriced` Array(UInt64),
    `tag.input_tokens` Array(UInt64),
    `tag.output_tokens` Array(UInt64),
    `tag.took` Array(AggregateFunction(quantilesDD(0.01, 0.5, 0.95, 0.99), Float64)),
    `tag.first_token` Array(AggregateFunction(quantilesDD(0.01, 0.5, 0.95, 0.99), Nullable(Float64))),
    `tag.first_call` Array(DateTime64(9)),
    `tag.last_call` Array(DateTime64(9))
) ENGINE = ReplacingMergeTree(sealed_at)
PARTITION BY toYYYYMM(hour)
ORDER BY (share, service, hour)
SETTINGS non_replicated_deduplication_window = 10000;

-- `told.…` has an element for each score of each value of a facet, and without a source for all traces. An hour has a row
-- for each facet alone, and for none (''), which ORDER BY serves. What is told later about calls that are there opens no
-- hour; the job adds such an hour up again.
CREATE TABLE IF NOT EXISTS hours_told (
    facet LowCardinality(String),
    service LowCardinality(String),
    hour DateTime('UTC'),
    sealed_at DateTime64(6),
    `told.value` Array(String),
    `told.source` Array(LowCardinality(String)),
    `told.name` Array(LowCardinality(String)),
    `told.n` Array(UInt64),
    `told.failures` Array(UInt64),
    `told.weight` Array(Float64),
    `told.weight_failed` Array(Float64),
    `told.weight_squared` Array(Float64),
    `told.weight_value` Array(Float64),
    `told.largest` Array(Float64),
    `told.traces` Array(UInt64),
    `told.delay` Array(AggregateFunction(quantilesDD(0.01, 0.5, 0.95, 0.99), Float64))
) ENGINE = ReplacingMergeTree(sealed_at)
PARTITION BY toYYYYMM(hour)
ORDER BY (facet, service, hour)
SETTINGS non_replicated_deduplication_window = 10000;

-- `scores` in the order of their telling, for "what was told about these calls": nothing is told before its call. The
-- latest word of a score is the last of its rows here. `told_at` is when the store heard of it.
CREATE TABLE IF NOT EXISTS scores_by_time (
    timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    score_id String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    source LowCardinality(String),
    name LowCardinality(String),
    value Float64,
    observed_at DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    sampling_probability Float64,
    told_at DateTime64(3) CODEC(Delta(8), ZSTD(1)),
    INDEX idx_told_at told_at TYPE minmax GRANULARITY 1
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(timestamp)
ORDER BY (timestamp, score_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS scores_by_time_mv TO scores_by_time AS
SELECT timestamp, score_id, trace_id, source, name, value, observed_at, sampling_probability, now64(3) AS told_at
FROM scores
WHERE trace_id != '';

-- Every hour that ever had a call, and whether its sum may be believed.
CREATE VIEW IF NOT EXISTS hour_states AS
SELECT
    service, hour, max(at) AS touched_at, max(told) AS scored_at, max(seal) AS sealed_at, sealed_at > touched_at AS sealed
FROM (
    SELECT service, hour, toDateTime64(touched, 6) AS at, toDateTime64(scored, 6) AS told, toDateTime64(0, 6) AS seal
    FROM hours_touched
    UNION ALL
    SELECT service, hour, toDateTime64(0, 6), toDateTime64(0, 6), hours.sealed_at FROM hours
)
GROUP BY service, hour;

-- What the calls of some hours add up to, from the calls themselves: the one place that says how.
-- Parameters: hours (Array(Tuple(String, DateTime('UTC'))): service and hour); since, until (DateTime64(3)); release,
--   environment, model, prompt_version, tag_key, tag_value (String, '' = any); step_s (UInt32): pieces are so long, an
--   hour at most; by_tag (UInt8): 1 adds up by tag, 0 by the other facets.
CREATE VIEW IF NOT EXISTS call_pieces AS
SELECT
    c.service AS service,
    toStartOfHour(c.timestamp, 'UTC') AS hour,
    toDateTime(intDiv(toUnixTimestamp(c.timestamp), {step_s:UInt32}) * {step_s:UInt32}, 'UTC') AS at,
    if({by_tag:UInt8} = 1, '', toString(c.release)) AS release,
    if({by_tag:UInt8} = 1, '', toString(c.environment)) AS environment,
    if({by_tag:UInt8} = 1, '', toString(c.request_model)) AS model,
    if({by_tag:UInt8} = 1, '', toString(c.prompt_version)) AS prompt_version,
    tag.1 AS key,
    tag.2 AS value,
    count() AS calls,
    countIf(c.status = 'error') AS errors,
    countIf(c.status = 'abandoned') AS abandoned,
    sum(1 / c.sampling_probability) AS weight,
    sumIf(1 / c.sampling_probability, c.status = 'error') AS weight_failed,
    sum(ifNull(c.cost_usd, 0)) AS cost_usd,
    countIf(c.cost_usd IS NULL) AS unpriced,
    sum(ifNull(c.input_tokens, 0)) AS input_tokens,
    sum(ifNull(c.output_tokens, 0)) AS output_tokens,
    quantilesDDState(0.01, 0.5, 0.95, 0.99)(c.duration_ms) AS took,
    quantilesDDState(0.01, 0.5, 0.95, 0.99)(c.time_to_first_token_ms) AS first_token,
    min(c.timestamp) AS first_call,
    max(c.timestamp) AS last_call
FROM calls AS c FINAL
ARRAY JOIN if({by_tag:UInt8} = 1, arrayZip(mapKeys(c.tags), mapValues(c.tags)), [('', '')]) AS tag
WHERE (c.service, toStartOfHour(c.timestamp, 'UTC')) IN {hours:Array(Tuple(String, DateTime('UTC')))}
  AND c.timestamp >= {since:DateTime64(3)} AND c.timestamp < {until:DateTime64(3)}
  AND ({release:String} = '' OR c.release = {release:String})
  AND ({environment:String} = '' OR c.environment = {environment:String})
  AND ({model:String} = '' OR c.request_model = {model:String})
  AND ({prompt_version:String} = '' OR c.prompt_version = {prompt_version:String})
  AND ({tag_key:String} = '' OR c.tags[{tag_key:String}] = {tag_value:String})
GROUP BY service, hour, at, release, environment, model, prompt_version, key, value;

-- The verdicts on the traces of some hours, from the calls and scores themselves: the one place that says how.
-- A trace belongs to the hour of its first call; one that had a call in the hour before is not counted again. A score
-- counts once: an outcome of a trace that was joined to its call is the same outcome; a verdict that is none (NaN) and
-- a detector's finding are left out. The piece without a source counts all traces.
-- Parameters: as of `call_pieces`; by_facet (UInt8): 1 adds up for each value of each facet alone too, 0 does not.
CREATE VIEW IF NOT EXISTS told_pieces AS
SELECT
    service, hour, toDateTime(intDiv(toUnixTimestamp(called_at), {step_s:UInt32}) * {step_s:UInt32}, 'UTC') AS at,
    facet, value, source, name,
    uniqExactIf(verdict.5, verdict.1 != '') AS n,
    uniqExactIf(verdict.5, verdict.1 != '' AND verdict.3 <= 0) AS failures,
    sum(verdict.6) AS weight,
    sumIf(verdict.6, verdict.3 <= 0) AS weight_failed,
    sum(verdict.6 * verdict.6) AS weight_squared,
    sum(verdict.6 * verdict.3) AS weight_value,
    max(verdict.3) AS largest,
    uniqExact(trace_id) AS traces,
    quantilesDDState(0.01, 0.5, 0.95, 0.99)(toFloat64(greatest(0, dateDiff('second', called_at, verdict.4)))) AS delay
FROM (
    SELECT
        service, hour, traced.trace_id AS trace_id, called_at, arrayJoin(facets) AS facet_of,
        facet_of.1 AS facet, facet_of.2 AS value,
        arrayJoin(arrayConcat([('', '', toFloat64(0), called_at, '', toFloat64(0))], verdicts)) AS verdict,
        verdict.1 AS source, verdict.2 AS name
    FROM (
        SELECT
            c.service AS service, toStartOfHour(c.timestamp, 'UTC') AS hour, c.trace_id AS trace_id, min(c.timestamp) AS called_at,
            arrayDistinct(arrayFlatten(groupUniqArray(if({by_facet:UInt8} = 1,
                [('', ''), ('release', toString(c.release)), ('environment', toString(c.environment)),
                 ('model', toString(c.request_model)), ('prompt_version', toString(c.prompt_version))], [('', '')])))) AS facets
        FROM calls AS c FINAL
        WHERE (c.service, toStartOfHour(c.timestamp, 'UTC')) IN {hours:Array(Tuple(String, DateTime('UTC')))}
          AND c.timestamp >= {since:DateTime64(3)} AND c.timestamp < {until:DateTime64(3)}
          AND ({release:String} = '' OR c.release = {release:String})
          AND ({environment:String} = '' OR c.environment = {environment:String})
          AND ({model:String} = '' OR c.request_model = {model:String})
          AND ({prompt_version:String} = '' OR c.prompt_version = {prompt_version:String})
          AND ({tag_key:String} = '' OR c.tags[{tag_key:String}] = {tag_value:String})
          AND (c.service, c.trace_id, toStartOfHour(c.timestamp, 'UTC')) NOT IN (
              SELECT service, trace_id, toStartOfHour(timestamp, 'UTC') + toIntervalHour(1) FROM calls
              WHERE (service, toStartOfHour(timestamp, 'UTC')) IN (SELECT arrayJoin(arrayMap(one -> (one.1, one.2 - toIntervalHour(1)), {hours:Array(Tuple(String, DateTime('UTC')))}))))
        GROUP BY service, hour, trace_id
    ) AS traced
    LEFT JOIN (
        SELECT trace_id, groupArray((latest.1, latest.2, latest.3, latest.4, told, latest.5)) AS verdicts
        FROM (
            SELECT
                trace_id, replaceOne(score_id, 'joined:', '') AS told,
                argMax((toString(s.source), toString(s.name), s.value, s.observed_at, 1 / s.sampling_probability), s.timestamp) AS latest
            FROM scores_by_time AS s
            WHERE timestamp >= arrayMin(arrayMap(one -> one.2, {hours:Array(Tuple(String, DateTime('UTC')))})) - toIntervalDay(1)
              AND trace_id IN (SELECT trace_id FROM calls WHERE (service, toStartOfHour(timestamp, 'UTC')) IN {hours:Array(Tuple(String, DateTime('UTC')))})
            GROUP BY trace_id, score_id
            HAVING NOT isNaN(latest.3) AND isFinite(latest.5) AND latest.2 NOT IN (SELECT detector FROM checks)
        )
        GROUP BY trace_id
    ) AS judged ON judged.trace_id = traced.trace_id
)
GROUP BY service, hour, at, facet, value, source, name;

-- The figures of the calls that the filters leave, in pieces that a question adds up: sums, and states of quantiles.
-- Parameters: since, until (DateTime64(3)); service, release, environment, model, prompt_version, tag_key, tag_value
--   (String, '' = any); step_s (UInt32): pieces of the calls that are read themselves are so long. A sealed hour is one
--   piece, therefore none is used for a step below an hour; nor for a tag together with another facet than the service.
-- `open` is worked out once, so that no hour is in both parts or in none.
CREATE VIEW IF NOT EXISTS call_figures AS
WITH (
    SELECT groupArray((service, hour)) FROM hour_states
    WHERE hour >= toStartOfHour({since:DateTime64(3)}) AND hour < {until:DateTime64(3)}
      AND ({service:String} = '' OR service = {service:String})
      AND (NOT sealed OR hour < {since:DateTime64(3)} OR hour + toIntervalHour(1) > {until:DateTime64(3)}
           OR {step_s:UInt32} < 3600
           OR ({tag_key:String} != '' AND concat({release:String}, {environment:String}, {model:String}, {prompt_version:String}) != ''))
) AS open
SELECT
    hour AS at, service,
    `by.release`[i] AS release, `by.environment`[i] AS environment, `by.model`[i] AS model, `by.prompt_version`[i] AS prompt_version,
    `by.calls`[i] AS calls, `by.errors`[i] AS errors, `by.abandoned`[i] AS abandoned, `by.weight`[i] AS weight, `by.weight_failed`[i] AS weight_failed, `by.cost_usd`[i] AS cost_usd, `by.unpriced`[i] AS unpriced, `by.input_tokens`[i] AS input_tokens, `by.output_tokens`[i] AS output_tokens, `by.took`[i] AS took, `by.first_token`[i] AS first_token, `by.first_call`[i] AS first_call, `by.last_call`[i] AS last_call
FROM hours FINAL
ARRAY JOIN arrayEnumerate(`by.calls`) AS i
WHERE {tag_key:String} = ''
  AND hour >= {since:DateTime64(3)} AND hour < {until:DateTime64(3)}
  AND ({service:String} = '' OR service = {service:String})
  AND (service, hour) NOT IN open
  AND ({release:String} = '' OR release = {release:String})
  AND ({environment:String} = '' OR environment = {environment:String})
  AND ({model:String} = '' OR model = {model:String})
  AND ({prompt_version:String} = '' OR prompt_version = {prompt_version:String})
UNION ALL
SELECT
    hour AS at, service, '' AS release, '' AS environment, '' AS model, '' AS prompt_version,
    `tag.calls`[i] AS calls, `tag.errors`[i] AS errors, `tag.abandoned`[i] AS abandoned, `tag.weight`[i] AS weight, `tag.weight_failed`[i] AS weight_failed, `tag.cost_usd`[i] AS cost_usd, `tag.unpriced`[i] AS unpriced, `tag.input_tokens`[i] AS input_tokens, `tag.output_tokens`[i] AS output_tokens, `tag.took`[i] AS took, `tag.first_token`[i] AS first_token, `tag.first_call`[i] AS first_call, `tag.last_call`[i] AS last_call
FROM hours_tags FINAL
ARRAY JOIN [indexOf(arrayZip(`tag.key`, `tag.value`), ({tag_key:String}, {tag_value:String}))] AS i
WHERE {tag_key:String} != '' AND i > 0
  AND share = cityHash64({tag_key:String}, {tag_value:String}) % 16
  AND hour >= {since:DateTime64(3)} AND hour < {until:DateTime64(3)}
  AND ({service:String} = '' OR service = {service:String})
  AND (service, hour) NOT IN open
UNION ALL
SELECT
    at, service, release, environment, model, prompt_version,
    calls, errors, abandoned, weight, weight_failed, cost_usd, unpriced, input_tokens, output_tokens, took, first_token, first_call, last_call
FROM call_pieces(hours = open, since = {since:DateTime64(3)}, until = {until:DateTime64(3)}, release = {release:String}, environment = {environment:String},
    model = {model:String}, prompt_version = {prompt_version:String}, tag_key = {tag_key:String}, tag_value = {tag_value:String},
    step_s = {step_s:UInt32}, by_tag = 0);

-- The verdicts on the calls that the filters leave, in pieces that a question adds up; parameters as in `call_figures`.
-- A piece without a source counts all traces. Sealed hours serve one facet beside the service; a tag, or two facets
-- together, read the calls themselves.
CREATE VIEW IF NOT EXISTS scored_figures AS
WITH
(
    SELECT groupArray((service, hour)) FROM hour_states
    WHERE hour >= toStartOfHour({since:DateTime64(3)}) AND hour < {until:DateTime64(3)}
      AND ({service:String} = '' OR service = {service:String})
      AND (NOT sealed OR hour < {since:DateTime64(3)} OR hour + toIntervalHour(1) > {until:DateTime64(3)}
           OR {step_s:UInt32} < 3600 OR {tag_key:String} != ''
           OR arrayCount(one -> one != '', [{release:String}, {environment:String}, {model:String}, {prompt_version:String}]) > 1)
) AS open,
multiIf({release:String} != '', 'release', {environment:String} != '', 'environment', {model:String} != '', 'model',
    {prompt_version:String} != '', 'prompt_version', '') AS facet_asked,
concat({release:String}, {environment:String}, {model:String}, {prompt_version:String}) AS value_asked
SELECT
    hour AS at, service,
    `told.source`[i] AS source, `told.name`[i] AS name, `told.n`[i] AS n, `told.failures`[i] AS failures, `told.weight`[i] AS weight, `told.weight_failed`[i] AS weight_failed, `told.weight_squared`[i] AS weight_squared, `told.weight_value`[i] AS weight_value, `told.largest`[i] AS largest, `told.traces`[i] AS traces, `told.delay`[i] AS delay
FROM hours_told FINAL
ARRAY JOIN arrayFilter((i, value) -> value = value_asked, arrayEnumerate(`told.value`), `told.value`) AS i
WHERE facet = facet_asked
  AND hour >= {since:DateTime64(3)} AND hour < {until:DateTime64(3)}
  AND ({service:String} = '' OR service = {service:String})
  AND (service, hour) NOT IN open
UNION ALL
SELECT
    at, service, source, name, n, failures, weight, weight_failed, weight_squared, weight_value, largest, traces, delay
FROM told_pieces(hours = open, since = {since:DateTime64(3)}, until = {until:DateTime64(3)}, release = {release:String}, environment = {environment:String},
    model = {model:String}, prompt_version = {prompt_version:String}, tag_key = {tag_key:String}, tag_value = {tag_value:String},
    step_s = {step_s:UInt32}, by_facet = 0);

-- How many calls each tag is on, in pieces that a question adds up. Parameters: since, until (DateTime64(3)); service
-- (String, '' = any).
CREATE VIEW IF NOT EXISTS tag_figures AS
WITH (
    SELECT groupArray((service, hour)) FROM hour_states
    WHERE hour >= toStartOfHour({since:DateTime64(3)}) AND hour < {until:DateTime64(3)}
      AND ({service:String} = '' OR service = {service:String})
      AND (NOT sealed OR hour < {since:DateTime64(3)} OR hour + toIntervalHour(1) > {until:DateTime64(3)})
) AS open
SELECT `tag.key`[i] AS key, `tag.value`[i] AS value, `tag.calls`[i] AS calls
FROM hours FINAL
ARRAY JOIN arrayEnumerate(`tag.key`) AS i
WHERE hour >= {since:DateTime64(3)} AND hour < {until:DateTime64(3)}
  AND ({service:String} = '' OR service = {service:String})
  AND (service, hour) NOT IN open
UNION ALL
SELECT tag.1 AS key, tag.2 AS value, count() AS calls
FROM calls FINAL
ARRAY JOIN arrayZip(mapKeys(tags), mapValues(tags)) AS tag
WHERE (service, toStartOfHour(timestamp, 'UTC')) IN open
  AND timestamp >= {since:DateTime64(3)} AND timestamp < {until:DateTime64(3)}
GROUP BY key, value;
