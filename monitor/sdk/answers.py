"""What came back from a service, as far as it has come: common to every kind of call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from monitor import vocabulary as v
from monitor.sdk.bodies import read_replies
from monitor.sdk.failure import Failure
from monitor.sdk.snapshot import Budget
from monitor.sdk.usage import estimate_tokens, read, read_usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.sdk.service import Service
    from monitor.sdk.step import Step

__all__ = ["PARAMETERS", "Answer", "Api", "described", "take_parameters", "text_or_none"]

PARAMETERS = {
    "temperature": v.REQUEST_TEMPERATURE,
    "top_p": v.REQUEST_TOP_P,
    "max_tokens": v.REQUEST_MAX_TOKENS,
    "max_completion_tokens": v.REQUEST_MAX_TOKENS,
    "max_output_tokens": v.REQUEST_MAX_TOKENS,
    "frequency_penalty": v.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": v.REQUEST_PRESENCE_PENALTY,
    "seed": v.REQUEST_SEED,
    "reasoning_effort": v.REQUEST_REASONING_LEVEL,
    "service_tier": v.OPENAI_REQUEST_TIER,
    "previous_response_id": v.REQUEST_PREVIOUS_RESPONSE_ID,
}
"""Request parameters that are written as they are."""


class Answer:
    """The reply to one request: whole, or put together from the pieces of a stream.

    `fold` runs in the app's thread and only copies; everything else on the background thread.
    """

    def __init__(self, limit: int, *, capture: bool) -> None:
        self.response_id: str | None = None
        self.model: str | None = None
        self.tier: str | None = None
        self.fingerprint: str | None = None
        self.usage: dict[str, int] = {}
        self.first_chunk_ns: int | None = None
        self.attempts = 0
        """How many requests the client has sent for this one call."""
        self.http_status: int | None = None
        """Of a reply that was refused."""
        self.failure: Failure | None = None
        """What the service says went wrong, where the client raises nothing."""
        self.bodies: list[bytes] = []
        """A raw response that the app reads itself; we do on the background thread."""
        self.budget = Budget(limit)
        self.capture = capture
        self.tokens_said = 0
        """An estimate, where the texts themselves are not kept."""

    def fold(self, reply: Any) -> None:
        """Add a reply, or the next piece of one."""
        if self.response_id is None or self.model is None:
            self.response_id = self.response_id or text_or_none(read(reply, "id"))
            self.model = self.model or text_or_none(read(reply, "model"))
        self.tier = text_or_none(read(reply, "service_tier")) or self.tier
        self.fingerprint = self.fingerprint or text_or_none(read(reply, "system_fingerprint"))
        usage = read(reply, "usage")
        if usage is not None:
            self.usage.update(read_usage(usage))

    def begins(self, chunk: Any) -> bool:
        """Whether this piece of a stream carries the first of the model's words."""
        del chunk
        return True

    def unpack(self) -> None:
        """Read a raw response's body, where there is one."""
        bodies, self.bodies = self.bodies, []
        for reply in read_replies(b"".join(bodies)):
            self.fold(reply)

    def keep(self, texts: list[str], piece: Any) -> None:
        """Add `piece` to a text that may arrive in many."""
        if not isinstance(piece, str) or not piece:
            return
        if not self.capture:
            self.tokens_said += 1 if len(piece) <= 8 else estimate_tokens(piece[:100_000])
        elif self.budget.left <= 0:
            self.budget.cut = True
        else:
            texts.append(self.budget.text(piece))
            self.budget.left += 2  # the pieces of a stream become one text

    def said(self) -> Iterator[str]:
        """Every text that the model wrote, as far as it is kept."""
        yield from ()

    def attributes(self) -> Iterator[tuple[str, Any]]:
        """As span attributes."""
        yield v.RESPONSE_ID, self.response_id
        yield v.RESPONSE_MODEL, self.model
        yield v.OPENAI_RESPONSE_TIER, self.tier
        yield v.OPENAI_FINGERPRINT, self.fingerprint
        if self.first_chunk_ns is not None:
            yield v.TIME_TO_FIRST_CHUNK, self.first_chunk_ns / 1e9
        yield v.HTTP_STATUS, self.http_status
        if self.attempts > 1:
            yield v.HTTP_RESEND_COUNT, self.attempts - 1
        yield from self.usage.items()

    def estimate(self, asked: int) -> Iterator[tuple[str, Any]]:
        """Token counts where the service told none, and the mark that they are estimated."""
        if v.OUTPUT_TOKENS in self.usage:
            return
        said = self.tokens_said + sum(estimate_tokens(text) for text in self.said())
        if said:
            if v.INPUT_TOKENS not in self.usage:
                yield v.INPUT_TOKENS, asked
            yield v.OUTPUT_TOKENS, said
            yield v.OUTERLOOP_USAGE_ESTIMATED, True


class Api(Protocol):
    """One kind of call to a service: what is kept of it, and how it is written down."""

    @property
    def service(self) -> Service:
        """Who is called."""

    @property
    def client(self) -> bool:
        """Always true: a call to another service."""

    @property
    def asks_usage(self) -> bool:
        """Whether a stream tells its usage only when `stream_options` asks for it."""

    def take(self, body: dict[str, Any], budget: Budget, *, capture: bool) -> dict[str, Any]:
        """What is kept of a request; runs in the app's thread and only copies."""

    def answer(self, limit: int, *, capture: bool) -> Answer:
        """An empty answer."""

    def name(self, step: Step) -> str:
        """The span's name."""

    def attributes(self, step: Step) -> Iterator[tuple[str, Any]]:
        """Request, answer and service."""


def text_or_none(value: Any) -> str | None:
    """`value`, if it is a text that says something."""
    return value[:1024] if isinstance(value, str) and value else None


def take_parameters(body: dict[str, Any]) -> dict[str, Any]:
    """The plain parameters of a request."""
    kept = {name: body[name] for name in PARAMETERS if type(body.get(name)) in (int, float, str)}
    kept["model"] = str(body.get("model") or "")[:512]
    kept["stream"] = body.get("stream") is True
    return kept


def described(request: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The plain parameters as span attributes."""
    yield v.REQUEST_MODEL, request["model"] or None
    if request["stream"]:
        yield v.REQUEST_STREAM, True
    yield from (
        (attribute, request[name]) for name, attribute in PARAMETERS.items() if name in request
    )
