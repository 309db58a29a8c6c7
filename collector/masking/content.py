"""`drop-content`: which attributes hold what people and models said, and what of them may stay.

One table for all dialects. What vanishes is removed with its key; of a content value that is JSON,
the facts in it (finish reason, usage, model) stay behind, because some dialects tell them nowhere else.
"""

from __future__ import annotations

from typing import Any

import orjson

__all__ = ["facts", "is_content", "is_fact"]

CONTENT = (
    # OpenTelemetry GenAI, new and old; Traceloop and LiteLLM write the numbered forms
    "gen_ai.prompt", "gen_ai.completion", "gen_ai.input.", "gen_ai.output.messages",
    "gen_ai.system_instructions", "gen_ai.tool.definitions", "gen_ai.tool.args", "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result", "gen_ai.tool.message", "gen_ai.retrieval.query", "gen_ai.retrieval.documents",
    "gen_ai.memory.", "gen_ai.evaluation.explanation", "gen_ai.event.content", "gen_ai.content.",
    "gen_ai.request.structured_output_schema", "gen_ai.request.stop_sequences",
    # OpenInference
    "llm.input_messages", "llm.output_messages", "llm.prompts", "llm.choices", "llm.prompt_template.template",
    "llm.prompt_template.variables", "llm.invocation_parameters", "llm.tools", "llm.function_call",
    "input.value", "output.value", "retrieval.documents", "reranker.query", "reranker.input_documents",
    "reranker.output_documents", "embedding.text", "embedding.vector", "embedding.embeddings",
    "tool.parameters", "tool.json_schema", "document.", "message.", "message_content.",
    # Traceloop
    "traceloop.entity.input", "traceloop.entity.output", "traceloop.prompt.template", "llm.request.functions",
    "llm.headers", "llm.chat.stop_sequences", "llm.content_completion_chunk",
    # Vercel AI SDK
    "ai.prompt", "ai.response.text", "ai.response.toolCalls", "ai.response.object", "ai.response.reasoning",
    "ai.response.files", "ai.response.providerMetadata", "ai.toolCall.args", "ai.toolCall.result",
    "ai.value", "ai.values", "ai.embedding", "ai.embeddings", "ai.result.", "ai.schema", "ai.request.headers",
    "ai.stream.",
    # Langfuse
    "langfuse.observation.input", "langfuse.observation.output", "langfuse.trace.input",
    "langfuse.trace.output", "langfuse.observation.status_message",
    # Logfire, pydantic-ai
    "request_data", "response_data", "events", "all_messages_events", "prompt", "final_result", "logfire.msg",
    "pydantic_ai.all_messages", "pydantic_ai.new_messages", "tool_arguments", "tool_response",
    "model_request_parameters",
    # MLflow, LangSmith, LiteLLM, OpenLIT
    "mlflow.spanInputs", "mlflow.spanOutputs", "mlflow.chat.tools", "mlflow.chunk.value", "mlflow.chat.messages",
    "mlflow.traceInputs", "mlflow.traceOutputs", "messages", "input", "output", "inputs", "outputs",
    "instructions", "tools", "functions", "documents", "question",
    "answer", "query", "context", "completion", "response", "system_prompt", "user_prompt", "stop", "prediction",
    "response_format", "langfuse.observation.metadata.tools", "langfuse.observation.metadata.response_format",
    "langsmith.metadata.ls_invocation_params", "hidden_params", "llm.openai.", "llm.anthropic.", "llm.None.",
    "metadata.requester_metadata", "metadata.requester_custom_headers",
    "metadata.spend_logs_metadata", "metadata.vector_store_request_metadata", "metadata.mcp_tool_call_metadata",
    # Other agents' frameworks
    "gcp.vertex.agent.", "lk.", "genkit:input", "genkit:output", "crewai.", "db.statement", "db.query.text",
    "http.request.body", "http.response.body", "url.query", "url.full", "http.url", "http.target",
    # Errors quote what they failed on
    "exception.message", "exception.stacktrace", "error.message", "error.stack_trace",
    # Ours
    "outerloop.step.input", "outerloop.step.output", "outerloop.score.expected",
)  # fmt: skip
"""A name stands for itself and everything below it (after a dot, or anything when it ends in one)."""
FACTS = (
    "gen_ai.prompt.name", "gen_ai.prompt.version", "logfire.msg_template", "gen_ai.input.tokens",
    "llm.openai.id", "llm.openai.model", "llm.openai.created", "llm.openai.usage", "llm.openai.service_tier",
    "llm.openai.system_fingerprint", "llm.openai.object", "llm.None.model",
    "gcp.vertex.agent.invocation_id", "gcp.vertex.agent.session_id", "gcp.vertex.agent.event_id",
)  # fmt: skip
"""Below a name of the table, and yet no content."""
FACT_ENDINGS = frozenset((
    "role", "finish_reason", "id", "score", "type", "mime_type", "tool_call_id", "mimeType",
))  # fmt: skip
"""Last parts of numbered keys that stay: `gen_ai.completion.0.finish_reason`, `…documents.3.document.score`."""
VARIABLES = (
    "gen_ai.prompt.variable.",
    "llm.prompt_template.variables",
    "traceloop.prompt.template",
)
"""Below these every name is the sender's own, whatever it ends in."""
FACT_NAMES = frozenset((
    "finish_reason", "finishReason", "finish_reasons", "stop_reason", "model", "service_tier", "system_fingerprint",
))  # fmt: skip
USAGE_NAMES = frozenset(("usage", "token_usage", "usage_metadata", "tokenUsage", "eval_count"))
MOST_FACT_CHARS = 100
MOST_JSON_DEPTH = 12
PLAIN_FACT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/-")
DIRECT = frozenset(name for name in CONTENT if not name.endswith("."))
BELOW = tuple(name if name.endswith(".") else f"{name}." for name in CONTENT)


def is_content(key: str) -> bool:
    """The attribute holds content.

    >>> [is_content(k) for k in ("gen_ai.prompt.0.content", "gen_ai.prompt.0.role", "gen_ai.prompt.name")]
    [True, False, False]
    """
    if key in DIRECT:
        return True
    if not key.startswith(BELOW) or key in FACTS:
        return False
    if key.startswith(VARIABLES):
        return True
    numbered = any(part.isdigit() for part in key.split("."))
    return not (numbered and key.rpartition(".")[2] in FACT_ENDINGS)


def is_fact(key: str) -> bool:
    """Kept whatever its length: token usage and cost that some dialects write as one long text."""
    return "usage" in key or "cost" in key or key in FACTS


def facts(text: str) -> str:
    """What may stay of a content value, as JSON text; empty when that is nothing.

    >>> facts('[{"role": "assistant", "content": "Hi Ann", "finish_reason": "stop"}]')
    '[{"finish_reason":"stop"}]'
    """
    if text[:1] not in ("{", "["):
        return ""
    try:
        kept = _facts(orjson.loads(text), 0)
    except (orjson.JSONDecodeError, RecursionError):
        return ""
    return orjson.dumps(kept).decode() if kept else ""


def _facts(value: Any, depth: int) -> Any:
    if depth > MOST_JSON_DEPTH:
        return None
    if isinstance(value, list):
        return [kept for item in value if (kept := _facts(item, depth + 1))]
    if not isinstance(value, dict):
        return None
    kept = {}
    for name, member in value.items():
        if name in FACT_NAMES and _is_plain(member):
            kept[name] = member
        elif name in USAGE_NAMES:
            kept[name] = _numbers(member, depth + 1)
        else:
            kept[name] = _facts(member, depth + 1) if _is_plain(name) else None
    return {name: member for name, member in kept.items() if member not in (None, {}, [])}


def _numbers(value: Any, depth: int) -> Any:
    if isinstance(value, dict) and depth <= MOST_JSON_DEPTH:
        members = {n: _numbers(v, depth + 1) for n, v in value.items() if _is_plain(n)}
        return {name: member for name, member in members.items() if member not in (None, {})}
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _is_plain(value: Any) -> bool:
    """An identifier, which a sentence is not."""
    if isinstance(value, list):
        return all(isinstance(item, str) and _is_plain(item) for item in value)
    return isinstance(value, str) and len(value) <= MOST_FACT_CHARS and set(value) <= PLAIN_FACT
