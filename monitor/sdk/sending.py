"""The request of a wrapped client on its way: asked as the app asked, and a little more."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from monitor.sdk.bodies import follow_body
from monitor.sdk.calls import Call
from monitor.sdk.chat import ChatApi
from monitor.sdk.completions import CompletionsApi
from monitor.sdk.embeddings import EmbeddingsApi
from monitor.sdk.guard import GUARD
from monitor.sdk.responses import ResponsesApi
from monitor.sdk.runtime import active
from monitor.sdk.service import Service, service_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.sdk.answers import Api
    from monitor.sdk.streams import AsyncStreamProxy, StreamProxy

__all__ = ["Sending", "Wishes", "begin"]

APIS: dict[str, Callable[[Service], Api]] = {
    "/chat/completions": ChatApi,
    "/completions": CompletionsApi,
    "/embeddings": EmbeddingsApi,
    "/responses": ResponsesApi,
}
RAW_HEADER = "x-stainless-raw-response"
REFUSALS = frozenset({400, 422, 501})
ABOUT_OPTIONS = re.compile(
    r"stream_options|include_usage|extra|additional|un(known|recogni|expected|supported)"
    r"|not (permitted|allowed|supported)",
    re.IGNORECASE,
)
"""How a server says that it does not know a parameter."""
MOST_MODELS = 1024
_tells_usage: dict[tuple[Service, str], bool] = {}
"""Whether a model's stream tells its usage when asked; absent until one has been asked."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the app wants of a wrapped client."""

    stream_usage: bool
    """Ask for the token counts of streams."""
    propagate: bool
    """Send `traceparent`."""


@lru_cache(maxsize=1024)
def _api(path: str, service: Service) -> Api:
    return APIS[path](service)


@GUARD
def begin(client: Any, options: Any, wishes: Wishes) -> Sending | None:
    """Open the call that these request options are; None when off, or when it is none of ours."""
    runtime = active()
    if runtime is None or options.url not in APIS or options.method.lower() != "post":
        return None
    body = options.json_data
    if not isinstance(body, dict):
        return None
    if isinstance(options.extra_json, dict):
        body = {**body, **options.extra_json}
    azure = any("AzureOpenAI" in kind.__name__ for kind in type(client).__mro__)
    api = _api(options.url, service_at(str(client.base_url), azure=azure))
    return Sending(Call(runtime, api, body), api, options, body, wishes)


class Sending:
    """One request, from the client's options to its reply."""

    def __init__(
        self, call: Call, api: Api, options: Any, body: dict[str, Any], wishes: Wishes
    ) -> None:
        self.call = call
        self.options = options
        """What the client is given: the app's own options, or a copy that asks for more."""
        self._plain = options
        self._stream = body.get("stream") is True
        self._model = (api.service, str(body.get("model")))
        self._folded = False
        with GUARD:
            if callable(options.post_parser):
                self.options = self._plain = self._overheard(options)
            if self._stream and api.asks_usage and wishes.stream_usage and not _raw(options):
                self._ask(body)

    def _overheard(self, options: Any) -> Any:
        """See the reply before the app's parser, which may refuse it."""
        parse = options.post_parser
        fold = GUARD(self._fold)

        def post_parser(reply: Any) -> Any:
            fold(reply)
            return parse(reply)

        copied = copy.copy(options)
        copied.post_parser = post_parser
        return copied

    def _ask(self, body: dict[str, Any]) -> None:
        given = body.get("stream_options")
        if given is None:
            given = {}
        if not isinstance(given, dict) or "include_usage" in given:
            return
        if _tells_usage.get(self._model) is False:
            return
        name = "extra_json" if "stream_options" in (self.options.extra_json or {}) else "json_data"
        held = {**getattr(self.options, name), "stream_options": {**given, "include_usage": True}}
        self.options = copy.copy(self.options)
        setattr(self.options, name, held)
        self.call.hides_usage = True

    def retreats(self, error: BaseException) -> bool:
        """Whether the server refused only our question, so that the app's own is to be asked."""
        if not self.call.hides_usage or getattr(error, "status_code", None) not in REFUSALS:
            return False
        if _tells_usage.get(self._model) or not ABOUT_OPTIONS.search(str(error)):
            return False
        self._learn(tells=False)
        self.call.hides_usage = False
        self.options = self._plain
        return True

    def _learn(self, *, tells: bool) -> None:
        if len(_tells_usage) < MOST_MODELS:
            _tells_usage[self._model] = tells

    def _fold(self, reply: Any) -> None:
        if self.call.open and not self._folded:
            self._folded = True
            self.call.answer.fold(reply)

    def settle(self, reply: Any, proxy: type[StreamProxy | AsyncStreamProxy]) -> Any:
        """What the app gets for `reply`: itself, or a proxy of the stream that it is."""
        if self.call.hides_usage:
            self._learn(tells=True)
        with GUARD:
            if hasattr(type(reply), "http_request"):
                return self._follow(reply)
            if self._stream and hasattr(reply, "response"):
                return proxy(reply, self.call)
            self._fold(reply)
        self.call.succeed()
        return reply

    def _follow(self, reply: Any) -> Any:
        """A raw response: its body, where it is here already, else what the app reads of it."""
        response = reply.http_response
        if not response.is_closed:
            follow_body(response, self.call)
            return reply
        self.call.keep_body(response.content)
        self.call.succeed()
        return reply


def _raw(options: Any) -> bool:
    headers = options.headers
    return isinstance(headers, dict) and any(name.lower() == RAW_HEADER for name in headers)
