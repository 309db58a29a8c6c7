"""`wrap`: an OpenAI client whose chat calls are recorded; the client itself stays what it is."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from monitor import vocabulary as v
from monitor.sdk.chat import ChatService, take_request
from monitor.sdk.guard import GUARD
from monitor.sdk.runtime import active
from monitor.sdk.step import Step
from monitor.sdk.streams import AsyncStreamProxy, Call, StreamProxy
from monitor.sdk.surroundings import detach, remember_call

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["wrap"]

C = TypeVar("C")
MARK = "__outerloop__"
RAW_HEADER = "x-stainless-raw-response"
METHODS = ("create", "parse")
PROVIDERS = {
    "openai.azure.com": "azure.ai.openai",
    "cognitiveservices.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.inference",
    "anthropic.com": "anthropic",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.perplexity.ai": "perplexity",
    "api.x.ai": "x_ai",
    "generativelanguage.googleapis.com": "gcp.gemini",
}
"""Who answers at an OpenAI-compatible address; everyone else is `openai`, whose protocol it is."""


def wrap(client: C) -> C:
    """Record every chat completion of this `OpenAI` or `AsyncOpenAI` client, Azure's included.

    The very same client comes back: its `chat.completions.create` and `parse` are observed, plain
    and streaming, and so are those of clients made from it by `with_options` or `copy`. Requests
    are sent as they are (usage of a stream is known only where the app asked for it by
    `stream_options`). Wrapping twice changes nothing. Responses asked for by `with_raw_response`
    pass through untouched and are read from their body; those of `with_streaming_response` pass
    through without their content.
    """
    with GUARD:
        _wrap(client)
    return client


def _wrap(client: Any) -> None:
    completions = getattr(getattr(client, "chat", None), "completions", None)
    if completions is None:
        GUARD.warn(
            f"wrap {type(client)}",
            "outerloop: wrap takes an OpenAI or AsyncOpenAI client, not %s",
            type(client).__name__,
        )
        return
    service = _service(str(getattr(client, "base_url", "")))
    waits = any(kind.__name__.startswith("Async") for kind in type(client).__mro__)
    for name in METHODS:
        method = getattr(completions, name, None)
        if method is not None and not getattr(method, MARK, False):
            observed = _observe_async(method, service) if waits else _observe_sync(method, service)
            setattr(observed, MARK, True)
            setattr(completions, name, observed)
    for name in ("copy", "with_options"):
        make = getattr(client, name, None)
        if make is not None and not getattr(make, MARK, False):
            setattr(client, name, _wrapping(make))


def _wrapping(make: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(make)
    def made(*args: Any, **kwargs: Any) -> Any:
        return wrap(make(*args, **kwargs))

    setattr(made, MARK, True)
    return made


def _service(base_url: str) -> ChatService:
    address = urlsplit(base_url)
    host = address.hostname or ""
    provider = next((name for ending, name in PROVIDERS.items() if host.endswith(ending)), "openai")
    return ChatService(
        provider, host, address.port or {"https": 443, "http": 80}.get(address.scheme)
    )


@GUARD
def _begin(service: ChatService, arguments: dict[str, Any]) -> tuple[Call, Any] | None:
    runtime = active()
    if runtime is None:
        return None
    request, size, cut = take_request(arguments, limit=runtime.limit, capture=runtime.capture)
    step = Step(runtime, service, request, size)
    if cut:
        step.cut = (v.INPUT_MESSAGES,)
    remember_call(step.trace_id, step.span_id)
    return Call(step), step.enter()


def _end(
    call: Call, arguments: dict[str, Any], reply: Any, proxy: type[StreamProxy | AsyncStreamProxy]
) -> Any:
    """What the app gets for `reply`: itself, or a proxy of the stream that it is."""
    headers = arguments.get("extra_headers")
    raw = (
        next((value for name, value in headers.items() if name.lower() == RAW_HEADER), None)
        if headers
        else None
    )
    if raw is None and arguments.get("stream") is True:
        return proxy(reply, call)
    if raw is None:
        call.answer.fold(reply)
    elif raw != "stream" and arguments.get("stream") is not True:
        content = reply.content
        call.answer.raw = content if isinstance(content, bytes) else None
    call.succeed()
    return reply


def _observe_sync(create: Callable[..., Any], service: ChatService) -> Callable[..., Any]:
    end, fail = GUARD(_end), GUARD(Call.fail)

    @functools.wraps(create)
    def observed(*args: Any, **kwargs: Any) -> Any:
        begun = _begin(service, kwargs)
        if begun is None:
            return create(*args, **kwargs)
        call, token = begun
        try:
            reply = create(*args, **kwargs)
        except BaseException as error:
            detach(token)
            fail(call, error)
            raise
        detach(token)
        return end(call, kwargs, reply, StreamProxy) or reply

    return observed


def _observe_async(create: Callable[..., Any], service: ChatService) -> Callable[..., Any]:
    end, fail = GUARD(_end), GUARD(Call.fail)

    @functools.wraps(create)
    async def observed(*args: Any, **kwargs: Any) -> Any:
        begun = _begin(service, kwargs)
        if begun is None:
            return await create(*args, **kwargs)
        call, token = begun
        try:
            reply = await create(*args, **kwargs)
        except BaseException as error:
            detach(token)
            fail(call, error)
            raise
        detach(token)
        return end(call, kwargs, reply, AsyncStreamProxy) or reply

    return observed
