-- From spans and log records to `calls`, `steps` and `scores`, inside the database.
--
-- otel_traces --spans_mv--> spans --heard_mv--> heard --calls_mv-----------------------> calls
--                                                     --spelled_mv--> spelled --read_mv--> calls
--                               --walked_mv--> walked --steps_mv----------------------> steps
--                                                    --weighty_mv--> weighty --lightened_mv--> steps
-- otel_logs   --scores_mv-> scores
--
-- What stands between the views (`spans`, `heard`, `spelled`) are Null tables: they keep nothing. ClickHouse plans a
-- view anew for every block that reaches it, and planning a large one costs more than reading a few thousand rows
-- with it. So what most senders' spans need is in small views, and `read_mv`, which knows every spelling of messages,
-- is only reached by the calls that need it.
--
-- `spans` is a Null table: what every span has in common is read once, and which span is an LLM call is
-- decided in one place. What comes later than its span is put into `spans` once more, as a row with a higher
-- version (`complete_calls_…` among the questions), so that it is read here too and nowhere else. The names that each instrumentation dialect uses stand in the order in which
-- they are believed; '' and absence mean "not said". Nothing here can fail on a value: every conversion
-- has a default (…OrNull, JSONExtract), so a malformed attribute costs its column and never the insert.
-- Therefore `materialized_views_ignore_errors` stays off: a failing view is a defect and must be loud.

CREATE TABLE IF NOT EXISTS spans (
    timestamp DateTime64(9),
    trace_id String,
    span_id String,
    parent_span_id String,
    name String,
    scope String,
    service LowCardinality(String),
    release String,
    environment String,
    session_id String,
    user_id String,
    tags Map(String, String),
    duration_ms Float64,
    first_chunk_ms Nullable(Float64),
    failed Bool,
    abandoned Bool,
    error_type String,
    error_message String,
    convention String,
    is_call Bool,
    attributes Map(LowCardinality(String), String),
    message_events Array(Tuple(name String, body String)),
    sampling_probability Float64 DEFAULT 1,
    version UInt8 DEFAULT 0,
    is_deleted UInt8 DEFAULT 0,
    thread String DEFAULT if(session_id = '', trace_id, session_id)
) ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS spans_mv TO spans AS
WITH
    SpanAttributes AS a,
    ResourceAttributes AS r,
    a['gen_ai.operation.name'] AS operation,
    a['ai.operationId'] AS vercel_operation,
    upper(a['openinference.span.kind']) AS openinference_kind,
    lower(a['langfuse.observation.type']) AS langfuse_type,
    upper(JSONExtractString(a['mlflow.spanType'])) AS mlflow_type,
    a['gen_ai.usage.input_tokens'] != '' OR a['gen_ai.usage.prompt_tokens'] != '' OR a['llm.token_count.prompt'] != '' AS has_usage,
    multiIf(
        ScopeName = 'outerloop.sdk', 'outerloop',
        langfuse_type != '' OR ScopeName = 'langfuse-sdk', 'langfuse',
        openinference_kind != '', 'openinference',
        -- version 7 of the Vercel SDK calls its scope `gen_ai`
        vercel_operation != '' OR ScopeName IN ('ai', 'gen_ai'), 'vercel_ai',
        ScopeName = 'litellm', 'litellm',
        ScopeName = 'pydantic-ai', 'pydantic_ai',
        startsWith(ScopeName, 'logfire'), 'logfire',
        ScopeName = 'langsmith' OR a['langsmith.span.kind'] != '', 'langsmith',
        mlflow_type != '' OR startsWith(ScopeName, 'mlflow'), 'mlflow',
        startsWith(ScopeName, 'openlit'), 'openlit',
        -- Traceloop writes under OpenTelemetry's scope names; these attributes are its own
        mapContains(a, 'llm.request.type') OR mapContains(a, 'gen_ai.is_streaming') OR mapContains(a, 'llm.is_streaming')
            OR match(ScopeName, '^opentelemetry\\.instrumentation\\.(anthropic|bedrock|cohere|groq|mistralai|ollama|together|watsonx|langchain|llamaindex|crewai|openai\\.v1)$') OR mapContains(a, 'traceloop.span.kind') OR mapContains(a, 'traceloop.workflow.name'), 'traceloop',
        operation != '' OR mapContains(a, 'gen_ai.system') OR mapContains(a, 'gen_ai.provider.name'), 'otel_genai',
        'otel'
    ) AS dialect,
    multiIf(
        -- LiteLLM's second copy of the same request
        SpanName = 'raw_gen_ai_request', false,
        -- Logfire opens a stream with a span that knows neither answer nor usage; its later
        -- "streaming response" span carries the whole call
        dialect = 'logfire' AND a['logfire.span_type'] = 'span' AND operation != 'embeddings' AND StatusCode != 'Error' AND NOT has_usage
            AND NOT mapContains(a, 'gen_ai.output.messages') AND NOT mapContains(a, 'response_data'), false,
        -- Vercel 7 wraps an embeddings span in another of the same name; only the inner one has usage
        ScopeName = 'gen_ai' AND operation = 'embeddings' AND NOT has_usage AND StatusCode != 'Error', false,
        langfuse_type != '', langfuse_type IN ('generation', 'embedding'),
        -- the outer span of a Vercel call repeats the inner one's usage
        vercel_operation != '' AND operation = '', match(vercel_operation, '\\.(doGenerate|doStream|doEmbed)$'),
        openinference_kind NOT IN ('', 'UNKNOWN'), openinference_kind IN ('LLM', 'EMBEDDING'),
        operation != '', operation IN ('chat', 'completion', 'text_completion', 'generate_content', 'generate', 'embeddings', 'embedding',
            -- LiteLLM names its own functions
            'acompletion', 'atext_completion', 'aembedding', 'responses', 'aresponses', 'agenerate_content', 'anthropic_messages', 'aanthropic_messages'),
        a['llm.request.type'] != '', a['llm.request.type'] IN ('chat', 'completion', 'embedding', 'rerank'),
        a['langsmith.span.kind'] != '', a['langsmith.span.kind'] IN ('llm', 'embedding'),
        mlflow_type != '', mlflow_type IN ('CHAT_MODEL', 'LLM', 'EMBEDDING'),
        SpanName = 'openai.response' OR (has_usage AND (a['gen_ai.request.model'] != '' OR a['llm.model_name'] != ''))
    ) AS llm_call,
    indexOf(Events.Name, 'exception') AS exception_at,
    Events.Attributes[exception_at] AS exception,
    arrayFirst(x -> x != '', [a['error.type'], exception['exception.type']]) AS raw_error_type,
    arrayFirstIndex(n -> n IN ('First Token Stream Event', 'llm.content.completion.chunk', 'gen_ai.content.completion.chunk', 'ai.stream.firstChunk', 'mlflow.chunk.item.0'), Events.Name) AS chunk_at,
    -- content may stand in span events: as attributes of one event, or one message an event
    arrayFilter(i -> Events.Name[i] IN ('gen_ai.client.inference.operation.details', 'gen_ai.content.prompt', 'gen_ai.content.completion'), arrayEnumerate(Events.Name)) AS content_at,
    arrayFilter(i -> match(Events.Name[i], '^gen_ai\\.((system|user|assistant|tool)\\.message|choice)$'), arrayEnumerate(Events.Name)) AS messages_at,
    parseDateTime64BestEffortOrNull(trim(BOTH '"' FROM a['langfuse.observation.completion_start_time']), 9, 'UTC') AS langfuse_first,
    -- a Logfire stream's span is written at its end and says how long it took
    if(dialect = 'logfire' AND a['logfire.span_type'] = 'log', toFloat64OrNull(a['duration']), NULL) AS told_duration_s,
    mapFilter((k, v) -> match(k, '^(outerloop\\.tag|traceloop\\.association\\.properties|ai\\.telemetry\\.metadata|langfuse\\.trace\\.metadata|langsmith\\.metadata)\\.'), a) AS raw_tags,
    mapFilter(
        (k, v) -> v != '' AND NOT startsWith(v, '{') AND NOT startsWith(v, '[') AND NOT match(k, '^(LANGSMITH_|ls_|revision_id$|session_?[iI]d$|user_?[iI]d$|thread_id$|conversation_id$|usage_metadata$|tags$)'),
        mapApply((k, v) -> (replaceRegexpOne(k, '^(outerloop\\.tag|traceloop\\.association\\.properties|ai\\.telemetry\\.metadata|langfuse\\.trace\\.metadata|langsmith\\.metadata)\\.', ''),
            if(startsWith(v, '"'), JSONExtractString(v), v)), CAST(raw_tags, 'Map(String, String)'))
    ) AS named_tags,
    -- lists of bare words; LangSmith writes "a, b"
    arrayFirst(x -> x != '', [a['tag.tags'], a['langfuse.trace.tags'], a['ai.telemetry.metadata.tags'], a['langsmith.span.tags']]) AS word_list,
    arrayFilter(w -> w != '', if(startsWith(word_list, '['), JSONExtract(word_list, 'Array(String)'), splitByRegexp(',\\s*', word_list))) AS words
SELECT
    if(told_duration_s > 0 AND told_duration_s < 86400, Timestamp - toIntervalNanosecond(toInt64(ifNull(told_duration_s, 0) * 1e9)), Timestamp) AS timestamp,
    TraceId AS trace_id,
    SpanId AS span_id,
    ParentSpanId AS parent_span_id,
    SpanName AS name,
    ScopeName AS scope,
    ServiceName AS service,
    arrayFirst(x -> x != '', [a['langfuse.release'], r['service.version'], a['service.version']]) AS release,
    arrayFirst(x -> x != '', [a['langfuse.environment'], a['deployment.environment.name'], a['deployment.environment'],
        r['deployment.environment.name'], r['deployment.environment']]) AS environment,
    arrayFirst(x -> x != '', [a['langfuse.session.id'], a['session.id'], a['gen_ai.conversation.id'], a['traceloop.association.properties.session_id'],
        a['ai.telemetry.metadata.sessionId'], a['langsmith.metadata.session_id'], a['langsmith.metadata.thread_id']]) AS session_id,
    arrayFirst(x -> x != '', [a['langfuse.user.id'], a['user.id'], a['enduser.id'], a['traceloop.association.properties.user_id'],
        a['ai.telemetry.metadata.userId'], a['langsmith.metadata.user_id']]) AS user_id,
    -- OpenInference keeps its metadata as one JSON object
    mapUpdate(mapUpdate(CAST((words, arrayMap(w -> 'true', words)), 'Map(String, String)'),
        CAST(JSONExtractKeysAndValues(a['metadata'], 'String'), 'Map(String, String)')), named_tags) AS tags,
    -- an end before the start wraps around in the exporter's unsigned column
    multiIf(told_duration_s IS NOT NULL, told_duration_s * 1e3, Duration > 9223372036854775807, 0, Duration / 1e6) AS duration_ms,
    multiIf(
        chunk_at > 0, (toUnixTimestamp64Nano(Events.Timestamp[chunk_at]) - toUnixTimestamp64Nano(Timestamp)) / 1e6,
        langfuse_first IS NOT NULL, (toUnixTimestamp64Nano(langfuse_first) - toUnixTimestamp64Nano(Timestamp)) / 1e6,
        NULL
    ) AS first_chunk_ms,
    StatusCode IN ('Error', 'STATUS_CODE_ERROR') OR a['error.type'] NOT IN ('', 'GeneratorExit') OR a['langfuse.observation.level'] = 'ERROR' AS failed,
    -- Python ends a generator that nobody reads any more with GeneratorExit; LangSmith writes that as an exception of a good call
    a['outerloop.abandoned'] = 'true' OR raw_error_type = 'GeneratorExit' OR (dialect = 'langsmith' AND startsWith(exception['exception.message'], 'GeneratorExit(')) AS abandoned,
    -- `openai.RateLimitError` and `RateLimitError` are one; LangSmith says `Exception` and puts the type into the message
    multiIf(
        NOT failed OR abandoned, '',
        dialect = 'langsmith' AND raw_error_type = 'Exception' AND match(exception['exception.message'], '^\\w+\\('), extract(exception['exception.message'], '^(\\w+)\\('),
        replaceRegexpOne(raw_error_type, '^(?:[A-Za-z_]\\w*\\.)+', '')
    ) AS error_type,
    if(failed, replaceRegexpOne(arrayFirst(x -> x != '', [a['error.message'], a['langfuse.observation.status_message'], StatusMessage, exception['exception.message']]),
        '(?s)^\\w+\\([\'"](.*)[\'"]\\)\\s+Traceback .*$', '\\1'), '') AS error_message,
    dialect AS convention,
    llm_call AS is_call,
    -- what the span itself says comes first
    if(empty(content_at), SpanAttributes, CAST(arrayFold((known, i) -> mapUpdate(Events.Attributes[i], known), content_at, CAST(SpanAttributes, 'Map(String, String)')), 'Map(LowCardinality(String), String)')) AS attributes,
    arrayMap(i -> (CAST(Events.Name[i], 'String'), if(Events.Attributes[i]['gen_ai.event.content'] != '', Events.Attributes[i]['gen_ai.event.content'],
        concat('{', arrayStringConcat(arrayMap((k, v) -> concat(toJSONString(k), ':', if(k != 'content' AND match(v, '^[\\[{]') AND isValidJSON(v), v, toJSONString(v))),
            mapKeys(Events.Attributes[i]), mapValues(Events.Attributes[i])), ','), '}'))), messages_at) AS message_events,
    -- OpenTelemetry's consistent sampling: the share of traces that the threshold leaves out, as 56 bits in hexadecimal digits
    if(position(TraceState, 'th:') = 0, 1, greatest(1 / 72057594037927936, 1 - reinterpretAsUInt64(reverse(unhex(concat('00', rightPad(extract(TraceState, '(?:^|,)[ \\t]*ot=(?:[^,]*;)?th:([0-9a-f]{1,14})(?:[;,]|$)'), 14, '0'))))) / 72057594037927936)) AS sampling_probability,
    if(session_id = '', trace_id, session_id) AS thread
FROM otel_traces
-- Logfire announces a span before it ends under another id: not a step, only its shadow
WHERE SpanAttributes['logfire.span_type'] != 'pending_span';

-- `heard`: everything of a call but its messages, and these too where they are in the GenAI convention's JSON or
-- plain text already. `spelled` says that they are not.
-- Each stage reads only the columns of the one before: ClickHouse copies an alias wherever it is used,
-- so aliases of aliases make the query (and the planning of every insert) grow without need.
CREATE TABLE IF NOT EXISTS heard (
    timestamp DateTime64(9), trace_id String, span_id String, parent_span_id String,
    service LowCardinality(String), release String, environment String, operation String, provider String,
    request_model String, response_model String, prompt_name String, prompt_version String,
    session_id String, user_id String, tags Map(String, String), input_messages String, output_messages String,
    input_tokens Nullable(UInt64), cached_input_tokens Nullable(UInt64), output_tokens Nullable(UInt64), reasoning_tokens Nullable(UInt64),
    usage_estimated Bool, cost_usd Nullable(Float64), duration_ms Float64, time_to_first_token_ms Nullable(Float64),
    status String, error_type String, error_message String, finish_reason String, convention String,
    sampling_probability Float64, version UInt8, is_deleted UInt8, thread String,
    spelled Bool,
    convention_in String,
    convention_out String,
    instructions String,
    provider_in String,
    provider_out String,
    numbered Map(LowCardinality(String), String),
    message_events Array(Tuple(name String, body String))
) ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS heard_mv TO heard AS
WITH
-- which attribute speaks, by precedence
told AS (
    SELECT
        * EXCEPT (attributes, is_call, name, scope),
        attributes AS a,
        multiIf(
            a['gen_ai.operation.name'] != '', a['gen_ai.operation.name'],
            a['openinference.span.kind'] = 'EMBEDDING' OR a['langfuse.observation.type'] = 'embedding' OR endsWith(a['ai.operationId'], '.doEmbed'), 'embeddings',
            a['llm.request.type'] != '', a['llm.request.type'],
            upper(JSONExtractString(a['mlflow.spanType'])) = 'EMBEDDING', 'embeddings',
            'chat'
        ) AS told_operation,
        lower(arrayFirst(x -> x NOT IN ('', 'langchain'), [a['gen_ai.provider.name'], a['gen_ai.system'], a['llm.provider'], a['llm.system'],
            a['ai.model.provider'], a['langsmith.metadata.ls_provider'], extract(a['litellm.provider.model'], '^([^/]+)/'), JSONExtractString(a['mlflow.message.format'])])) AS told_provider,
        arrayFirst(x -> x != '', [a['gen_ai.request.model'], a['llm.request.model_name'], a['ai.model.id'],
            JSONExtractString(a['llm.invocation_parameters'], 'model'), JSONExtractString(a['embedding.invocation_parameters'], 'model'), JSONExtractString(a['model']),
            if(failed, a['langfuse.observation.model.name'], '')]) AS request_model,
        arrayFirst(x -> x != '', [a['gen_ai.response.model'], a['llm.response.model_name'], a['llm.model_name'], a['embedding.model_name'],
            a['ai.response.model'], if(failed, '', a['langfuse.observation.model.name']), JSONExtractString(a['mlflow.llm.model'])]) AS told_response_model,
        -- Logfire repeats the asked model where it does not know the answering one
        if(convention = 'logfire' AND (failed OR a['logfire.span_type'] = 'log'), '', told_response_model) AS response_model,
        -- usage told as one JSON object: Langfuse, Logfire, MLflow, LangSmith
        JSONExtract(
            arrayFirst(x -> x != '', [a['langfuse.observation.usage_details'], a['gen_ai.usage.raw'], a['mlflow.chat.tokenUsage'], a['langsmith.metadata.usage_metadata'],
                JSONExtractRaw(a['mlflow.spanOutputs'], 'usage')]),
            'Tuple(prompt_tokens Nullable(UInt64), input_tokens Nullable(UInt64), input Nullable(UInt64), completion_tokens Nullable(UInt64), output_tokens Nullable(UInt64), output Nullable(UInt64), input_cached_tokens Nullable(UInt64), cache_read_input_tokens Nullable(UInt64), cache_creation_input_tokens Nullable(UInt64), prompt_tokens_details Tuple(cached_tokens Nullable(UInt64)), input_tokens_details Tuple(cached_tokens Nullable(UInt64)), input_token_details Tuple(cache_read Nullable(UInt64)), completion_tokens_details Tuple(reasoning_tokens Nullable(UInt64)), output_tokens_details Tuple(reasoning_tokens Nullable(UInt64)), output_token_details Tuple(reasoning Nullable(UInt64)))'
        ) AS usage,
        -- a stream that told no usage: OpenLIT guesses it from the text, and says so only by leaving the cached tokens out
        scope = 'openlit.instrumentation.openai' AND a['gen_ai.request.stream'] = 'true' AND NOT mapContains(a, 'gen_ai.usage.cache_read.input_tokens') AS guessed,
        toUInt64OrNull(arrayFirst(x -> x != '', [if(guessed, 'unknown', a['gen_ai.usage.input_tokens']), a['gen_ai.usage.prompt_tokens'], a['llm.token_count.prompt'],
            a['ai.usage.inputTokens'], a['ai.usage.promptTokens'], a['ai.usage.tokens']]))
            -- Anthropic's own count leaves the cached tokens out; these two pass it on as it is
            + if(scope = 'openlit.instrumentation.anthropic' OR (match(a['ai.model.provider'], '^(anthropic|amazon-bedrock)') AND NOT mapContains(a, 'ai.usage.inputTokenDetails.noCacheTokens')),
                toUInt64OrZero(a['gen_ai.usage.cache_read.input_tokens']) + toUInt64OrZero(a['gen_ai.usage.cache_creation.input_tokens']) + toUInt64OrZero(a['ai.usage.cachedInputTokens']), 0) AS told_input_tokens,
        toUInt64OrNull(arrayFirst(x -> x != '', [if(guessed, 'unknown', a['gen_ai.usage.output_tokens']), a['gen_ai.usage.completion_tokens'], a['llm.token_count.completion'],
            a['ai.usage.outputTokens'], a['ai.usage.completionTokens']])) AS told_output_tokens,
        -- LiteLLM's usage object is Python's repr
        toUInt64OrNull(arrayFirst(x -> x != '', [a['gen_ai.usage.cache_read.input_tokens'], a['gen_ai.usage.cache_read_input_tokens'], a['llm.token_count.prompt_details.cache_read'],
            a['llm.token_count.prompt_details.cache_input'], a['ai.usage.cachedInputTokens'], a['gen_ai.usage.details.cache_read_tokens'],
            extract(a['metadata.usage_object'], '\'cached_tokens\': (\\d+)')])) AS told_cached_tokens,
        toUInt64OrNull(arrayFirst(x -> x != '', [a['gen_ai.usage.reasoning.output_tokens'], a['gen_ai.usage.reasoning_tokens'], a['llm.usage.reasoning_tokens'],
            a['llm.token_count.completion_details.reasoning'], a['ai.usage.reasoningTokens'], a['ai.usage.outputTokenDetails.reasoningTokens'], a['gen_ai.usage.details.reasoning_tokens'],
            extract(a['metadata.usage_object'], '\'reasoning_tokens\': (\\d+)'), JSONExtractRaw(a['mlflow.spanOutputs'], 'usage', 'completion_tokens_details', 'reasoning_tokens'),
            JSONExtractRaw(a['mlflow.spanOutputs'], 'usage', 'output_tokens_details', 'reasoning_tokens')])) AS told_reasoning_tokens,
        toFloat64OrNull(arrayFirst(x -> x != '', [a['gen_ai.cost.total_cost'], a['gen_ai.usage.cost'], a['operation.cost'], a['llm.cost.total'],
            JSONExtractRaw(a['langfuse.observation.cost_details'], 'total')])) AS told_cost,
        a['gen_ai.input.messages'] AS convention_in,
        a['gen_ai.output.messages'] AS convention_out,
        -- OpenLIT tells the system message twice
        if(a['gen_ai.system_instructions'] != '' AND JSONExtractString(a['gen_ai.input.messages'], 1, 'role') IN ('system', 'developer')
            AND JSONExtractString(a['gen_ai.input.messages'], 1, 'parts', 1, 'content') = JSONExtractString(a['gen_ai.system_instructions'], 1, 'content'), '', a['gen_ai.system_instructions']) AS instructions,
        -- LiteLLM adds its tool calls in this form to messages without parts
        mapFilter((k, v) -> match(k, '^(gen_ai\\.(prompt|completion)|llm\\.(input|output)_messages|embedding\\.embeddings)\\.[0-9]+\\.') AND NOT endsWith(k, '.vector'), a) AS numbered,
        -- Logfire's list of events: question and answer in one; the answer is what follows the last question
        if(a['events'] = '', [], arrayFilter(e -> JSONExtractString(e, 'event.name') != 'gen_ai.unknown', JSONExtractArrayRaw(a['events']))) AS events
    FROM spans
    WHERE is_call
),
-- numbers settled, and the provider's own JSON looked for where the better spellings are silent
settled AS (
    SELECT
        * EXCEPT (price_list),
        multiIf(
            told_operation IN ('embedding', 'aembedding'), 'embeddings',
            told_operation IN ('completion', 'acompletion'), if(position(convention_in, '"role"') > 0, 'chat', 'text_completion'),
            told_operation = 'atext_completion', 'text_completion',
            told_operation IN ('generate', 'agenerate_content'), 'generate_content',
            told_operation IN ('responses', 'aresponses', 'anthropic_messages', 'aanthropic_messages'), 'chat',
            told_operation
        ) AS operation,
        -- Langfuse's bare `input`, and Anthropic's count that it passes on, leave the cached tokens out, everybody else's count has them in
        coalesce(told_input_tokens, usage.prompt_tokens,
            coalesce(usage.input_tokens, usage.input)
                + if(convention = 'langfuse', ifNull(usage.cache_read_input_tokens, 0) + ifNull(usage.cache_creation_input_tokens, 0), 0)
                + if(usage.input_tokens IS NULL, ifNull(usage.input_cached_tokens, 0), 0)) AS input_tokens,
        coalesce(told_output_tokens, usage.completion_tokens, usage.output_tokens, usage.output) AS output_tokens,
        coalesce(told_cached_tokens, usage.prompt_tokens_details.cached_tokens, usage.input_tokens_details.cached_tokens, usage.input_token_details.cache_read,
            usage.cache_read_input_tokens, usage.input_cached_tokens) AS cached_input_tokens,
        coalesce(told_reasoning_tokens, usage.completion_tokens_details.reasoning_tokens, usage.output_tokens_details.reasoning_tokens, usage.output_token_details.reasoning) AS reasoning_tokens,
        -- prices in force on the call's day: the answering model's, then the asked one's, each by its name and by what
        -- the name comes to without its route (`openai/`, `models/`, `us.anthropic.`), version (`-v1:0`, `@20240620`) and date
        arrayFilter(p -> p.2 <= toDate(timestamp, 'UTC') AND toDate(timestamp, 'UTC') < p.3, arrayFlatten(arrayMap(m -> price_list.2[indexOf(price_list.1, m)], arrayFlatten(arrayMap(
            m -> [m, replaceRegexpOne(replaceRegexpOne(replaceRegexpAll(replaceRegexpOne(lower(m), '^.*/', ''),
                '^(?:[a-z-]+\\.)?(?:anthropic|amazon|meta|mistral|cohere|deepseek|openai)\\.|(?:-\\d{4}-?\\d{2}-?\\d{2})?(?:-v\\d+(?::\\d+)?|@\\w+|-latest)?$', ''),
                '^gpt-35-', 'gpt-3.5-'), '^(claude-(?:[a-z]+-)?\\d)\\.(\\d)', '\\1-\\2')],
            [response_model, request_model]))))) AS in_force,
        -- one's own price first
        if(arrayExists(p -> p.1, in_force), arrayFirst(p -> p.1, in_force), in_force[1]) AS price,
        arrayLastIndex(e -> JSONExtractString(e, 'role') NOT IN ('assistant', '') , events) AS asked_at,
        if(convention_in != '', '', arrayFirst(x -> x NOT IN ('', 'null'), [a['langfuse.observation.input'], a['ai.prompt.messages'], a['ai.prompt'], a['ai.values'],
            a['gen_ai.prompt'], a['mlflow.spanInputs'], if(JSONHas(a['request_data'], 'messages') OR JSONHas(a['request_data'], 'input'), a['request_data'], ''),
            if(empty(events), '', concat('[', arrayStringConcat(arraySlice(events, 1, asked_at), ','), ']')), a['input.value'], a['traceloop.entity.input']])) AS provider_in,
        -- vectors are never copied
        if(convention_out != '' OR operation = 'embeddings', '', arrayFirst(x -> x NOT IN ('', 'null'), [a['langfuse.observation.output'],
            if(a['ai.response.text'] != '' OR a['ai.response.toolCalls'] != '',
                concat('{"role":"assistant","content":', toJSONString(a['ai.response.text']), ',"tool_calls":', if(startsWith(a['ai.response.toolCalls'], '['), a['ai.response.toolCalls'], '[]'), '}'), ''),
            a['ai.response.object'], a['gen_ai.completion'], a['mlflow.spanOutputs'], a['response_data'],
            if(empty(events), '', concat('[', arrayStringConcat(arrayMap(e -> if(JSONHas(e, 'message'), JSONExtractRaw(e, 'message'), e), arraySlice(events, asked_at + 1)), ','), ']')),
            a['output.value'], a['traceloop.entity.output']])) AS provider_out
    FROM told
    -- one row: all prices, of each model those that come first in front. Not a scalar subquery: chDB's streamed inserts lose the rows of a view that has one
    CROSS JOIN (
        SELECT (groupArray(model), groupArray(known)) AS price_list
        FROM (
            SELECT model, arrayReverseSort(p -> (p.1, p.2), groupArray((own, valid_from, valid_until, input_usd_per_million, cached_input_usd_per_million, output_usd_per_million, ifNull(reasoning_usd_per_million, output_usd_per_million)))) AS known
            FROM prices FINAL GROUP BY model
        )
    ) AS listed
),
finished AS (
    SELECT
        *,
        -- where the convention's JSON cannot be passed on as it is, or other spellings have to be read, or none knows the messages but events
        (convention_in != '' AND JSONType(convention_in, 1, 'parts') != 'Array')
            OR (convention_out != '' AND JSONLength(convention_out, 1, 'parts') = 0)
            OR (instructions != '' AND NOT (startsWith(instructions, '[') AND isValidJSON(instructions) AND startsWith(convention_in, '[{')))
            OR notEmpty(numbered) OR notEmpty(message_events)
            OR match(provider_in, '^[\\[{"]') OR match(provider_out, '^[\\[{"]')
            -- base64 may be in it
            OR arrayExists(t -> multiSearchAny(t, [';base64,', '"blob"', '"base64"', 'inline_data', 'inlineData', 'input_audio', 'iVBORw0KGg', '/9j/', 'R0lGOD', 'UklGR', 'JVBERi0', 'SUQz', 'T2dnUw']), [convention_in, convention_out, provider_in, provider_out]) AS spelled,
        -- the provider's reason stands in the choice, outside the message
        lower(arrayFirst(x -> x != '', [
            trim(BOTH '"' FROM if(startsWith(a['gen_ai.response.finish_reasons'], '['), JSONExtract(a['gen_ai.response.finish_reasons'], 'Array(String)')[1], a['gen_ai.response.finish_reasons'])),
            JSONExtractString(convention_out, 1, 'finish_reason'), a['llm.finish_reason'], a['ai.response.finishReason'], a['gen_ai.completion.0.finish_reason'],
            a['llm.output_messages.0.message.finish_reason'], a['llm.response.finish_reason'], a['llm.response.stop_reason'],
            JSONExtractString(provider_out, 'choices', 1, 'finish_reason'), trim(BOTH '"' FROM a['langfuse.observation.metadata.finish_reason']),
            JSONExtractString(arrayFirst(e -> e.1 = 'gen_ai.choice' AND match(e.2, '"content": *("[^"]|[\\[{])|"tool_calls": *\\[ *[^ \\]]'), message_events).2, 'finish_reason'),
            -- the Responses API has none, it has a state
            JSONExtractString(provider_out, 'incomplete_details', 'reason'), if(JSONExtractString(provider_out, 'object') = 'response', JSONExtractString(provider_out, 'status'), ''),
            trim(BOTH '"' FROM a['langfuse.observation.metadata.status'])])) AS told_finish_reason,
        transform(if(told_finish_reason = 'completed' AND (match(convention_out, '"type": *"tool_call"') OR match(provider_out, '"type": *"function_call"')), 'tool_calls', told_finish_reason),
            ['tool_calls', 'tool-calls', 'function_call', 'tool_use', 'content-filter', 'completed', 'end_turn', 'stop_sequence', 'max_tokens', 'max_output_tokens', 'unknown'],
            ['tool_call', 'tool_call', 'tool_call', 'tool_call', 'content_filter', 'stop', 'stop', 'stop', 'length', 'length', ''], told_finish_reason) AS finish_reason,
        -- Vercel names the model's interface as well (`openai.chat`)
        if(convention = 'vercel_ai' AND version = 0, if(startsWith(told_provider, 'google.vertex'), 'vertex_ai', splitByChar('.', told_provider)[1]), told_provider) AS bare_provider
    FROM settled
)
SELECT
    timestamp, trace_id, span_id, parent_span_id, service, release, environment, operation,
    -- the GenAI convention's old names become its new ones
    transform(bare_provider,
        ['vertex_ai', 'vertexai', 'google_vertexai', 'google-vertex', 'gemini', 'google_genai', 'google-gla', 'google', 'az.ai.inference', 'azure_ai', 'az.ai.openai', 'azure_openai', 'azure-openai', 'azure',
            'xai', 'mistral', 'mistralai', 'bedrock', 'aws', 'aws_bedrock', 'amazon_bedrock', 'amazon-bedrock', 'watsonx', 'ibm'],
        ['gcp.vertex_ai', 'gcp.vertex_ai', 'gcp.vertex_ai', 'gcp.vertex_ai', 'gcp.gemini', 'gcp.gemini', 'gcp.gemini', 'gcp.gen_ai', 'azure.ai.inference', 'azure.ai.inference', 'azure.ai.openai', 'azure.ai.openai', 'azure.ai.openai', 'azure.ai.openai',
            'x_ai', 'mistral_ai', 'mistral_ai', 'aws.bedrock', 'aws.bedrock', 'aws.bedrock', 'aws.bedrock', 'aws.bedrock', 'ibm.watsonx.ai', 'ibm.watsonx.ai'], bare_provider) AS provider,
    request_model, response_model,
    arrayFirst(x -> x != '', [a['gen_ai.prompt.name'], a['langfuse.observation.prompt.name'], a['traceloop.prompt.key'], a['prompt.id']]) AS prompt_name,
    arrayFirst(x -> x != '', [a['gen_ai.prompt.version'], a['langfuse.observation.prompt.version'], a['traceloop.prompt.version'], a['llm.prompt_template.version']]) AS prompt_version,
    session_id, user_id, tags,
    multiIf(
        spelled, '',
        convention_in != '' AND instructions != '', concat('[{"role":"system","parts":', instructions, '},', substring(convention_in, 2)),
        convention_in != '', convention_in,
        provider_in = '', '',
        concat('[{"role":"user","parts":[{"type":"text","content":', toJSONString(provider_in), '}]}]')) AS input_messages,
    multiIf(
        spelled, '',
        convention_out != '', convention_out,
        provider_out = '', '',
        concat('[{"role":"assistant","parts":[{"type":"text","content":', toJSONString(provider_out), '}]}]')) AS output_messages,
    input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
    a['outerloop.usage.estimated'] = 'true' AS usage_estimated,
    -- a cost of 0 for a call that used tokens means that the sender knew no price
    multiIf(
        told_cost > 0 OR (told_cost = 0 AND coalesce(input_tokens, output_tokens) IS NOT NULL AND ifNull(input_tokens, 0) + ifNull(output_tokens, 0) = 0), told_cost,
        empty(in_force), NULL,
        (((input_tokens - least(ifNull(cached_input_tokens, 0), input_tokens)) * price.4
            + least(ifNull(cached_input_tokens, 0), input_tokens) * price.5
            -- reasoning is part of the output, except for a sender that counts it apart, as more than the output shows
            + if(operation = 'embeddings', 0, output_tokens - if(ifNull(reasoning_tokens, 0) <= output_tokens, ifNull(reasoning_tokens, 0), 0)) * price.6
            + if(operation = 'embeddings', 0, ifNull(reasoning_tokens, 0)) * price.7) / 1e6)
    ) AS cost_usd,
    duration_ms,
    coalesce(
        toFloat64OrNull(a['gen_ai.response.time_to_first_chunk']) * 1e3,
        toFloat64OrNull(a['gen_ai.client.operation.time_to_first_chunk']) * 1e3,
        toFloat64OrNull(a['ai.response.msToFirstChunk']),
        first_chunk_ms,
        -- OpenLIT writes the full duration here when the answer was not streamed
        if(a['gen_ai.request.stream'] = 'true', toFloat64OrNull(a['gen_ai.server.time_to_first_token']) * 1e3, NULL)
    ) AS time_to_first_token_ms,
    multiIf(abandoned, 'abandoned', failed OR finish_reason = 'error', 'error', 'ok') AS status,
    error_type, error_message, finish_reason, convention, sampling_probability, version, is_deleted, thread,
    spelled, convention_in, convention_out, instructions, provider_in, provider_out, numbered, message_events
FROM finished;

CREATE MATERIALIZED VIEW IF NOT EXISTS calls_mv TO calls AS
SELECT * EXCEPT (spelled, convention_in, convention_out, instructions, provider_in, provider_out, numbered, message_events)
FROM heard
WHERE NOT spelled;

CREATE TABLE IF NOT EXISTS spelled AS heard ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS spelled_mv TO spelled AS SELECT * FROM heard WHERE spelled;

-- Messages are read into one shape, Array(message) with message = (role, finish_reason, parts) and
-- part = (type, content, id, name, arguments), and written from it as the convention's JSON.
-- Four spellings lead to it: the GenAI convention's JSON, its older events, numbered attributes (`gen_ai.prompt.0.role`,
-- `llm.input_messages.0.message.role`), and JSON as the provider's own API has it.
CREATE MATERIALIZED VIEW IF NOT EXISTS read_mv TO calls AS
WITH
-- an image or a recording in base64 becomes its type, hash and size: no text, and mostly larger than all text
weighed AS (
    SELECT
        *,
        arrayMap(t -> if(NOT multiSearchAny(t, [';base64,', '"blob"', '"base64"', 'inline_data', 'inlineData', 'input_audio', 'iVBORw0KGg', '/9j/', 'R0lGOD', 'UklGR', 'JVBERi0', 'SUQz', 'T2dnUw']), t, arrayFold((known, m) -> replaceAll(known, m.1, m.2),
            arrayMap(m -> (m.1, concat('data:', multiIf(
                    startsWith(m.1, 'data:'), extract(m.1, '^data:([^;,]*)'),
                    startsWith(m.2, 'iVBORw0KGg'), 'image/png', startsWith(m.2, '/9j/'), 'image/jpeg', startsWith(m.2, 'R0lGOD'), 'image/gif',
                    startsWith(m.2, 'UklGR'), if(substring(m.3, 9, 4) = 'WEBP', 'image/webp', 'audio/wav'), startsWith(m.2, 'JVBERi0'), 'application/pdf',
                    startsWith(m.2, 'SUQz'), 'audio/mpeg', startsWith(m.2, 'T2dnUw'), 'audio/ogg', 'application/octet-stream'),
                    ';sha256=', lower(hex(SHA256(m.3))), ';bytes=', toString(length(m.3)))),
                arrayMap(m -> (m.1, m.2, arrayFirst(b -> b != '', [tryBase64Decode(m.2), tryBase64URLDecode(trim(TRAILING '=' FROM m.2)), m.2])),
                    arrayMap(m -> (m, if(startsWith(m, 'data:'), substring(m, position(m, ';base64,') + 8), m)),
                        arrayConcat(extractAll(t, 'data:[^,"\\s]{0,200};base64,[A-Za-z0-9+/_-]+={0,2}'),
                            arrayFilter(m -> match(m, '[A-Z]') AND match(m, '[a-z]') AND match(m, '[0-9]'), extractAll(t, '[A-Za-z0-9+/_-]{256,}={0,2}')))))),
            t)), arrayConcat([convention_in, convention_out, provider_in, provider_out], mapValues(numbered), message_events.body)) AS texts
    FROM spelled
),
lightened AS (
    SELECT
        * EXCEPT (convention_in, convention_out, provider_in, provider_out, numbered, message_events, texts),
        texts[1] AS convention_in,
        texts[2] AS convention_out,
        texts[3] AS provider_in,
        texts[4] AS provider_out,
        CAST((mapKeys(numbered), arraySlice(texts, 5, length(numbered))), 'Map(LowCardinality(String), String)') AS numbered,
        CAST(arrayZip(message_events.name, arraySlice(texts, 5 + length(numbered))), 'Array(Tuple(name String, body String))') AS message_events
    FROM weighed
),
evented AS (
    SELECT
        *,
        -- the convention's older events as (answer?, finish reason, message in the provider's own JSON), those with content;
        -- Traceloop puts the tool calls beside the message
        arrayFilter(t -> position(t.3, '"content":"","tool_calls":[],') = 0, arrayMap(
            (e, m) -> (
                e.1 = 'gen_ai.choice',
                toJSONString(JSONExtractString(e.2, 'finish_reason')),
                concat('{"role":', toJSONString(arrayFirst(x -> x != '', [JSONExtractString(m, 'role'), if(e.1 = 'gen_ai.choice', 'assistant', extract(e.1, '^gen_ai\\.(\\w+)\\.'))])),
                    ',"content":', multiIf(NOT isValidJSON(e.2), toJSONString(e.2), startsWith(m, '"'), m, JSONExtractRaw(m, 'content') IN ('', 'null'), '""', JSONExtractRaw(m, 'content')),
                    ',"tool_calls":', arrayFirst(x -> startsWith(x, '['), [JSONExtractRaw(m, 'tool_calls'), JSONExtractRaw(e.2, 'tool_calls'), '[]']),
                    ',"tool_call_id":', toJSONString(JSONExtractString(m, 'id')), '}')),
            message_events, arrayMap(e -> if(JSONHas(e.2, 'message'), JSONExtractRaw(e.2, 'message'), e.2), message_events))) AS told_events
    FROM lightened
),
-- events are asked last
listened AS (
    SELECT
        * EXCEPT (provider_in, provider_out, told_events, message_events),
        if(provider_in = '' AND convention_in = '' AND arrayExists(t -> NOT t.1, told_events),
            concat('[', arrayStringConcat(arrayMap(t -> t.3, arrayFilter(t -> NOT t.1, told_events)), ','), ']'), provider_in) AS provider_in,
        if(provider_out = '' AND convention_out = '' AND operation != 'embeddings' AND arrayExists(t -> t.1, told_events),
            concat('{"choices":[', arrayStringConcat(arrayMap(t -> concat('{"finish_reason":', t.2, ',"message":', t.3, '}'), arrayFilter(t -> t.1, told_events)), ','), ']}'), provider_out) AS provider_out
    FROM evented
),
-- unwrap what the APIs wrap: {"messages": …}, {"input": …}, {"choices": [{"message": …}]}, {"output": […]}
unwrapped AS (
    SELECT
        *,
        multiIf(
            NOT startsWith(provider_in, '{'), provider_in,
            JSONHas(provider_in, 'messages'), JSONExtractRaw(provider_in, 'messages'),
            JSONType(provider_in, 'input') = 'String', concat('[{"role":"user","content":', JSONExtractRaw(provider_in, 'input'), '}]'),
            JSONHas(provider_in, 'input'), JSONExtractRaw(provider_in, 'input'),
            JSONType(provider_in, 'prompt') = 'String', concat('[{"role":"user","content":', JSONExtractRaw(provider_in, 'prompt'), '}]'),
            JSONHas(provider_in, 'prompt'), JSONExtractRaw(provider_in, 'prompt'),
            JSONHas(provider_in, 'role'), concat('[', provider_in, ']'),
            provider_in
        ) AS bare_in,
        if(startsWith(provider_in, '{'), concat(JSONExtractString(provider_in, 'instructions'), JSONExtractString(provider_in, 'system')), '') AS bare_instructions,
        multiIf(
            NOT startsWith(provider_out, '{'), provider_out,
            JSONHas(provider_out, 'choices'), concat('[', arrayStringConcat(arrayMap(c -> JSONExtractRaw(c, 'message'), JSONExtractArrayRaw(provider_out, 'choices')), ','), ']'),
            JSONHas(provider_out, 'output'), JSONExtractRaw(provider_out, 'output'),
            JSONHas(provider_out, 'message'), concat('[', JSONExtractRaw(provider_out, 'message'), ']'),
            JSONHas(provider_out, 'role') OR JSONExtractString(provider_out, 'type') = 'function_call', concat('[', provider_out, ']'),
            provider_out
        ) AS bare_out,
        -- (answer?, message, place in the message, field, value), in order
        arraySort(e -> (e.1, e.2, e.3), arrayMap(
            (k, v) -> if(
                -- the number after `gen_ai.completion` is here the tool call's, not the message's
                match(k, '^gen_ai\\.completion\\.\\d+\\.function_call\\.'),
                    (true, toUInt32(0), toUInt32OrZero(extract(k, '\\.(\\d+)\\.')), concat('tool_calls.', extract(k, '\\.(\\w+)$')), v),
                    (match(k, '^(gen_ai\\.completion|llm\\.output_messages)'), toUInt32OrZero(extract(k, '\\.(\\d+)\\.')), toUInt32OrZero(extract(k, '\\.\\d+\\..*?\\.(\\d+)\\.')),
                        replaceRegexpAll(replaceRegexpOne(k, '^.*?\\.\\d+\\.', ''), '(^message\\.|message_content\\.|tool_call\\.|function\\.|^embedding\\.|\\d+\\.)', ''), v)),
            mapKeys(numbered), mapValues(numbered))) AS entries
    FROM listened
),
-- the three spellings, each as messages
spelled AS (
    SELECT
        * EXCEPT (numbered),
        multiIf(
            instructions = '', [],
            startsWith(instructions, '['), [('system', '', arrayMap(p -> (p.type, p.content, '', '', ''), JSONExtract(instructions, 'Array(Tuple(type String, content String))')))],
            [('system', '', [('text', instructions, '', '', '')])]
        ) AS system_message,
        arrayMap(side -> arrayMap(
                m -> (m.role, m.finish_reason, arrayMap(p -> (p.type, multiIf(p.type = 'tool_call_response', if(p.response = '', p.result, p.response), p.type = 'uri', p.uri, p.content), p.id, p.name, p.arguments), m.parts)),
                JSONExtract(side, 'Array(Tuple(role String, finish_reason String, parts Array(Tuple(type String, content String, id String, name String, arguments String, response String, result String, uri String))))')),
            [convention_in, convention_out]) AS by_convention,
        arrayMap(side -> arraySplit((e, starts) -> starts != 0, side, arrayDifference(arrayMap(e -> toInt64(e.2), side))),
            [arrayFilter(e -> NOT e.1, entries), arrayFilter(e -> e.1, entries)]) AS numbered_groups,
        arrayMap(side -> if(startsWith(side, '['),
                JSONExtract(side, 'Array(Tuple(role String, type String, content String, tool_calls Array(Tuple(id String, name String, arguments String, toolCallId String, toolName String, input String, args String, function Tuple(name String, arguments String))), tool_call_id String, call_id String, name String, arguments String, output String))'),
                []),
            [bare_in, bare_out]) AS provider_items
    FROM unwrapped
),
shaped AS (
    SELECT
        * EXCEPT (entries, numbered_groups, provider_items),
        arrayMap((groups, default_role) -> arrayMap(
                g -> (
                    if(arrayExists(e -> e.4 = 'role', g), arrayFirst(e -> e.4 = 'role', g).5, default_role),
                    arrayFirst(e -> e.4 = 'finish_reason', g).5,
                    arrayConcat(
                        arrayMap(e -> multiIf(
                                arrayExists(t -> t.4 = 'tool_call_id', g), ('tool_call_response', e.5, arrayFirst(t -> t.4 = 'tool_call_id', g).5, '', ''),
                                e.4 = 'contents.image.image.url', ('uri', e.5, '', '', ''),
                                arrayExists(t -> t.3 = e.3 AND t.4 = 'contents.type' AND t.5 = 'reasoning', g), ('reasoning', e.5, '', '', ''),
                                ('text', e.5, '', '', '')),
                            arrayFilter(e -> e.4 IN ('content', 'contents.text', 'contents.image.image.url', 'text') AND e.5 != '', g)),
                        arrayMap(e -> ('tool_call', '', arrayFirst(t -> t.4 = 'tool_calls.id' AND t.3 = e.3, g).5, e.5, arrayFirst(t -> t.4 = 'tool_calls.arguments' AND t.3 = e.3, g).5),
                            arrayFilter(e -> e.4 = 'tool_calls.name', g)))),
                groups),
            numbered_groups, ['user', 'assistant']) AS by_number,
        arrayMap((items, default_role) -> arrayMap(
                m -> (
                    multiIf(m.role != '', m.role, m.type = 'function_call_output', 'tool', default_role),
                    '',
                    arrayConcat(
                        multiIf(
                            startsWith(m.content, '[{'),
                                arrayMap(p -> multiIf(
                                        p.type IN ('tool-call', 'tool_use'), ('tool_call', '', concat(p.toolCallId, p.id), concat(p.toolName, p.name), if(p.input = '', p.args, p.input)),
                                        p.type IN ('tool-result', 'tool_result'), ('tool_call_response', arrayFirst(x -> x != '', [
                                            -- Vercel wraps what a tool gave: {"type": "json", "value": …}
                                            if(JSONType(p.output, 'value') = 'String', JSONExtractString(p.output, 'value'), JSONExtractRaw(p.output, 'value')), p.output, p.result, p.content]), concat(p.toolCallId, p.tool_use_id), p.toolName, ''),
                                        p.type IN ('text', 'input_text', 'output_text'), ('text', p.text, '', '', ''),
                                        p.type IN ('image_url', 'input_image', 'image'), ('uri', if(startsWith(p.image_url, '{'), JSONExtractString(p.image_url, 'url'), concat(p.image_url, p.image)), '', '', ''),
                                        p.type = '', ('text', m.content, '', '', ''),
                                        (p.type, p.text, '', '', '')),
                                    JSONExtract(m.content, 'Array(Tuple(type String, text String, content String, id String, name String, toolCallId String, toolName String, tool_use_id String, input String, args String, output String, result String, image_url String, image String))')),
                            m.content = '', [],
                            m.role = 'tool', [('tool_call_response', m.content, m.tool_call_id, '', '')],
                            [('text', m.content, '', '', '')]),
                        if(m.type = 'function_call', [('tool_call', '', m.call_id, m.name, m.arguments)], []),
                        if(m.type = 'function_call_output', [('tool_call_response', m.output, m.call_id, '', '')], []),
                        arrayMap(c -> ('tool_call', '', concat(c.id, c.toolCallId), arrayFirst(x -> x != '', [c.name, c.toolName, c.function.name]),
                            arrayFirst(x -> x != '', [c.arguments, c.function.arguments, c.input, c.args])), m.tool_calls))),
                items),
            provider_items, ['user', 'assistant']) AS by_provider
    FROM spelled
),
-- one list each for the question and the answer
agreed AS (
    SELECT
        * EXCEPT (by_provider),
        arrayFilter(m -> notEmpty(m.3), multiIf(
            notEmpty(by_convention[1]), by_convention[1],
            notEmpty(by_number[1]), by_number[1],
            arrayConcat(if(bare_instructions = '', [], [('system', '', [('text', bare_instructions, '', '', '')])]), by_provider[1]))) AS read_in,
        arrayFilter(m -> notEmpty(m.3), multiIf(
            arrayExists(m -> notEmpty(m.3), by_convention[2]), by_convention[2],
            notEmpty(by_number[2]), by_number[2],
            by_provider[2])) AS read_out,
        -- ["first text", "second text"], as embeddings are asked for
        if(match(bare_in, '^\\[\\s*"'), JSONExtract(bare_in, 'Array(String)'), []) AS bare_texts
    FROM shaped
),
-- what no spelling could read is shown as it came
complete AS (
    SELECT
        * EXCEPT (read_in, read_out),
        arrayConcat(system_message, multiIf(
            notEmpty(read_in), read_in,
            notEmpty(bare_texts), arrayMap(t -> ('user', '', [('text', if(startsWith(t, '"'), JSONExtractString(t), t), '', '', '')]), bare_texts),
            notEmpty(by_convention[1]), [],
            concat(convention_in, bare_in) IN ('', '[]', '{}', 'null'), [],
            [('user', '', [('text', if(startsWith(bare_in, '"') AND isValidJSON(bare_in), JSONExtractString(bare_in), concat(convention_in, bare_in)), '', '', '')])])) AS messages_in,
        multiIf(
            notEmpty(read_out), read_out,
            notEmpty(by_convention[2]), [],
            concat(convention_out, bare_out) IN ('', '[]', '{}', 'null') OR JSONExtractString(bare_out, 1, 'role') != '', [],
            [('assistant', '', [('text', if(startsWith(bare_out, '"') AND isValidJSON(bare_out), JSONExtractString(bare_out), concat(convention_out, bare_out)), '', '', '')])]) AS messages_out,
        -- as it came, where it came in the convention's JSON
        notEmpty(by_convention[1]) AS in_as_came,
        arrayExists(m -> notEmpty(m.3), by_convention[2]) OR (notEmpty(by_convention[2]) AND empty(read_out)) AS out_as_came
    FROM agreed
),
readable AS (
    SELECT
        *,
        -- JSON in the convention's shape: question and answer
        arrayMap(messages -> arrayMap(m -> (m.1, m.2, arrayStringConcat(arrayMap(p -> multiIf(
                p.1 = 'tool_call', concat('{"type":"tool_call"', if(p.3 = '', '', concat(',"id":', toJSONString(p.3))), ',"name":', toJSONString(p.4), ',"arguments":', if(isValidJSON(p.5), p.5, toJSONString(p.5)), '}'),
                p.1 = 'tool_call_response', concat('{"type":"tool_call_response"', if(p.3 = '', '', concat(',"id":', toJSONString(p.3))), ',"response":', toJSONString(p.2), '}'),
                p.1 = 'uri', concat('{"type":"uri","modality":"image","uri":', toJSONString(p.2), '}'),
                concat('{"type":', toJSONString(p.1), ',"content":', toJSONString(p.2), '}')), m.3), ',')), messages),
            [if(in_as_came, [], messages_in), if(out_as_came, [], messages_out)]) AS written
    FROM complete
)
SELECT
    timestamp, trace_id, span_id, parent_span_id, service, release, environment, operation, provider, request_model, response_model,
    prompt_name, prompt_version, session_id, user_id, tags,
    multiIf(
        in_as_came AND instructions = '', convention_in,
        in_as_came, concat('[{"role":"system","parts":', if(startsWith(instructions, '[') AND isValidJSON(instructions), instructions, concat('[{"type":"text","content":', toJSONString(instructions), '}]')), '},', substring(convention_in, 2)),
        empty(written[1]), '',
        concat('[', arrayStringConcat(arrayMap(m -> concat('{"role":', toJSONString(m.1), ',"parts":[', m.3, ']}'), written[1]), ','), ']')) AS input_messages,
    multiIf(
        out_as_came, convention_out,
        empty(written[2]), '',
        concat('[', arrayStringConcat(arrayMap(m -> concat('{"role":', toJSONString(m.1), ',"parts":[', m.3, ']', if(m.2 = '', '', concat(',"finish_reason":', toJSONString(m.2))), '}'), written[2]), ','), ']')) AS output_messages,
    input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, usage_estimated, cost_usd, duration_ms, time_to_first_token_ms,
    status, error_type, error_message, finish_reason, convention, sampling_probability, version, is_deleted, thread
FROM readable;

-- `steps`: every span that is no LLM call. Also those of a database driver or a web framework: a trace
-- with holes in it cannot be read like a debugger.
-- Base64 is taken out of `input` and `output` as it is in `calls`, in a view that only the steps with some of it reach.
CREATE TABLE IF NOT EXISTS walked (
    timestamp DateTime64(9), trace_id String, span_id String, parent_span_id String,
    service LowCardinality(String), release String, environment String, kind String, name String,
    session_id String, user_id String, tags Map(String, String), input String, output String,
    duration_ms Float64, status String, error_type String, error_message String, convention String,
    version UInt8, is_deleted UInt8, thread String, weighty Bool
) ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS walked_mv TO walked AS
WITH
chosen AS (
    SELECT
        *,
        attributes AS a,
        arrayFirst(x -> x != '', [
            a['outerloop.step.kind'],
            transform(a['gen_ai.operation.name'],
                ['execute_tool', 'invoke_agent', 'create_agent', 'agent_step', 'invoke_workflow', 'plan', 'retrieval'],
                ['tool', 'agent', 'agent', 'agent', 'chain', 'chain', 'retriever'], ''),
            lower(a['openinference.span.kind']),
            transform(a['traceloop.span.kind'], ['workflow', 'task'], ['chain', 'function'], a['traceloop.span.kind']),
            transform(lower(a['langfuse.observation.type']), ['span', 'event'], ['function', 'event'], lower(a['langfuse.observation.type'])),
            multiIf(a['ai.operationId'] = 'ai.toolCall', 'tool', a['ai.operationId'] != '', 'chain', ''),
            lower(a['langsmith.span.kind']),
            lower(JSONExtractString(a['mlflow.spanType'])),
            multiIf(a['gen_ai.tool.name'] != '', 'tool', a['db.system.name'] != '' OR a['db.system'] != '', 'db', a['http.request.method'] != '' OR a['http.method'] != '', 'http', 'span')
        ]) AS step_kind,
        arrayFirst(x -> x NOT IN ('', 'null'), [a['outerloop.step.input'], a['gen_ai.tool.call.arguments'], a['langfuse.observation.input'], a['input.value'], a['traceloop.entity.input'],
            a['ai.toolCall.args'], a['ai.prompt'], a['mlflow.spanInputs'], a['gen_ai.retrieval.query.text'], a['gen_ai.input.messages'], a['pydantic_ai.all_messages'], a['gen_ai.prompt'], a['request_data']]) AS asked,
        arrayFirst(x -> x NOT IN ('', 'null'), [a['outerloop.step.output'], a['gen_ai.tool.call.result'], a['langfuse.observation.output'], a['output.value'], a['traceloop.entity.output'],
            a['ai.toolCall.result'], a['ai.response.text'], a['ai.response.object'], a['mlflow.spanOutputs'], a['gen_ai.retrieval.documents'], a['gen_ai.output.messages'], a['final_result'], a['gen_ai.completion'], a['response_data']]) AS answered
    FROM spans
    WHERE NOT is_call
)
SELECT
    timestamp, trace_id, span_id, parent_span_id, service, release, environment,
    step_kind AS kind,
    multiIf(step_kind = 'tool' AND a['gen_ai.tool.name'] != '', a['gen_ai.tool.name'], a['ai.toolCall.name'] != '', a['ai.toolCall.name'], a['traceloop.entity.name'] != '', a['traceloop.entity.name'], c.name) AS name,
    session_id, user_id, tags,
    -- JSON that was written in ASCII shows its real characters
    if(position(asked, '\\u') > 0 AND isValidJSON(asked), JSONExtractRaw(asked), asked) AS input,
    if(position(answered, '\\u') > 0 AND isValidJSON(answered), JSONExtractRaw(answered), answered) AS output,
    duration_ms,
    multiIf(abandoned, 'abandoned', failed, 'error', 'ok') AS status,
    error_type, error_message, convention, version, is_deleted, thread,
    arrayExists(t -> multiSearchAny(t, [';base64,', '"blob"', '"base64"', 'inline_data', 'inlineData', 'input_audio', 'iVBORw0KGg', '/9j/', 'R0lGOD', 'UklGR', 'JVBERi0', 'SUQz', 'T2dnUw']), [asked, answered]) AS weighty
FROM chosen AS c;

CREATE MATERIALIZED VIEW IF NOT EXISTS steps_mv TO steps AS SELECT * EXCEPT (weighty) FROM walked WHERE NOT weighty;

CREATE TABLE IF NOT EXISTS weighty (
    timestamp DateTime64(9), trace_id String, span_id String, parent_span_id String,
    service LowCardinality(String), release String, environment String, kind String, name String,
    session_id String, user_id String, tags Map(String, String), input String, output String,
    duration_ms Float64, status String, error_type String, error_message String, convention String,
    version UInt8, is_deleted UInt8, thread String
) ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS weighty_mv TO weighty AS SELECT * EXCEPT (weighty) FROM walked WHERE weighty;

CREATE MATERIALIZED VIEW IF NOT EXISTS lightened_mv TO steps AS
WITH
weighed AS (
    SELECT
        *,
        arrayMap(t -> if(NOT multiSearchAny(t, [';base64,', '"blob"', '"base64"', 'inline_data', 'inlineData', 'input_audio', 'iVBORw0KGg', '/9j/', 'R0lGOD', 'UklGR', 'JVBERi0', 'SUQz', 'T2dnUw']), t, arrayFold((known, m) -> replaceAll(known, m.1, m.2),
            arrayMap(m -> (m.1, concat('data:', multiIf(
                    startsWith(m.1, 'data:'), extract(m.1, '^data:([^;,]*)'),
                    startsWith(m.2, 'iVBORw0KGg'), 'image/png', startsWith(m.2, '/9j/'), 'image/jpeg', startsWith(m.2, 'R0lGOD'), 'image/gif',
                    startsWith(m.2, 'UklGR'), if(substring(m.3, 9, 4) = 'WEBP', 'image/webp', 'audio/wav'), startsWith(m.2, 'JVBERi0'), 'application/pdf',
                    startsWith(m.2, 'SUQz'), 'audio/mpeg', startsWith(m.2, 'T2dnUw'), 'audio/ogg', 'application/octet-stream'),
                    ';sha256=', lower(hex(SHA256(m.3))), ';bytes=', toString(length(m.3)))),
                arrayMap(m -> (m.1, m.2, arrayFirst(b -> b != '', [tryBase64Decode(m.2), tryBase64URLDecode(trim(TRAILING '=' FROM m.2)), m.2])),
                    arrayMap(m -> (m, if(startsWith(m, 'data:'), substring(m, position(m, ';base64,') + 8), m)),
                        arrayConcat(extractAll(t, 'data:[^,"\\s]{0,200};base64,[A-Za-z0-9+/_-]+={0,2}'),
                            arrayFilter(m -> match(m, '[A-Z]') AND match(m, '[a-z]') AND match(m, '[0-9]'), extractAll(t, '[A-Za-z0-9+/_-]{256,}={0,2}')))))),
            t)), [input, output]) AS texts
    FROM weighty
)
SELECT * EXCEPT (texts, input, output), texts[1] AS input, texts[2] AS output
FROM weighed;

-- `scores`: OpenTelemetry's evaluation events, ours and other senders'.
CREATE MATERIALIZED VIEW IF NOT EXISTS scores_mv TO scores AS
WITH
told AS (
    SELECT
        *,
        LogAttributes AS a,
        arrayFirst(x -> x != '', [a['session.id'], a['gen_ai.conversation.id']]) AS session_id,
        toFloat64OrNull(a['gen_ai.evaluation.score.value']) AS told_value,
        lower(trim(BOTH ' ' FROM a['gen_ai.evaluation.score.label'])) AS told_label
    FROM otel_logs
    WHERE EventName = 'gen_ai.evaluation.result'
)
SELECT
    Timestamp AS timestamp,
    -- without an id of its own the record is its own id: sent twice, it is still one score
    if(a['outerloop.score.id'] != '', a['outerloop.score.id'],
        lower(hex(sipHash128(Timestamp, ServiceName, TraceId, SpanId, session_id, a['gen_ai.evaluation.name'], a['gen_ai.evaluation.score.value'], a['gen_ai.evaluation.score.label'],
            a['gen_ai.evaluation.explanation'], a['gen_ai.response.id'])))) AS score_id,
    multiIf(a['outerloop.score.target'] != '', a['outerloop.score.target'], SpanId != '' OR a['gen_ai.response.id'] != '', 'call', TraceId != '', 'trace', session_id != '', 'session', 'trace') AS target,
    TraceId AS trace_id,
    SpanId AS span_id,
    session_id,
    ServiceName AS service,
    a['gen_ai.evaluation.name'] AS name,
    if(a['outerloop.score.source'] != '', a['outerloop.score.source'], 'judge') AS source,
    -- a verdict in words only
    multiIf(
        told_value IS NOT NULL AND NOT isNaN(told_value), told_value,
        told_label IN ('pass', 'passed', 'true', 'yes', 'correct', 'good', 'resolved'), 1,
        told_label IN ('fail', 'failed', 'false', 'no', 'incorrect', 'bad', 'unresolved'), 0,
        nan
    ) AS value,
    a['gen_ai.evaluation.score.label'] AS label,
    a['gen_ai.evaluation.explanation'] AS explanation,
    a['outerloop.score.expected'] AS expected,
    arrayFirst(x -> x != '', [a['gen_ai.evaluation.evaluator.name'], a['gen_ai.evaluator.name'], a['evaluator.name'], ServiceName]) AS author,
    if(toInt64OrZero(a['outerloop.score.observed_at']) > 0, fromUnixTimestamp64Nano(toInt64OrZero(a['outerloop.score.observed_at'])), Timestamp) AS observed_at
FROM told;
