"""Calls that production has answered, ready to be put to a candidate, and paired with what it said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from judges.asking.prices import price_of
from monitor.curation.messages import chat_messages, given_answer
from monitor.curation.traffic import call_texts, chunks, message_text
from monitor.retrain.findings import TestCall, Usage
from monitor.retrain.opinions import Pair

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from judges.asking.prices import Price
    from monitor.curation.traffic import CallText, TrafficCall
    from monitor.retrain.candidate import Reply
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["CallUsage", "Question", "judged_pairs", "paired_calls", "price_for", "questions"]


@dataclass(frozen=True, slots=True)
class CallUsage:
    """What a call took and what slices it."""

    trace_id: str
    span_id: str
    request_model: str
    prompt_version: str
    tags: Mapping[str, str]
    duration_ms: float
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None

    @property
    def usage(self) -> Usage:
        """As a comparison takes it; a duration of 0 is one that nobody told."""
        took = self.duration_ms if self.duration_ms > 0 else None
        return Usage(took, self.input_tokens, self.output_tokens, self.cost_usd)

    @property
    def attributes(self) -> dict[str, str]:
        """What slices it, in an incident's words."""
        told = {"model": self.request_model, "prompt version": self.prompt_version}
        told |= {f"tag {name}": value for name, value in self.tags.items()}
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Question:
    """One call of production."""

    call: TrafficCall
    text: CallText
    took: CallUsage

    @property
    def messages(self) -> list[dict[str, Any]]:
        """As the chat API takes them."""
        return chat_messages(message_text(self.text))

    @property
    def answer(self) -> str:
        """What users saw: the text, or the message where it called tools."""
        return given_answer(self.text.output_messages, self.text.output)

    @property
    def label(self) -> str:
        """The right answer as people or outcomes know it; another model's word proves nothing here."""
        return "" if self.call.label_author.startswith("model:") else self.call.label


def questions(store: Store, service: str, calls: Iterable[TrafficCall]) -> list[Question]:
    """The calls with texts and usage, in the order given; those whose text is gone are left out."""
    given = list(calls)
    texts, usage = call_texts(store, service, given), _usage(store, service, given)
    found = []
    for call in given:
        key = call.trace_id, call.span_id
        if key in texts and key in usage:
            found.append(Question(call, texts[key], usage[key]))
    return found


def paired_calls(
    asked: Sequence[Question], replies: Sequence[Reply], *, price: Price | None
) -> list[TestCall]:
    """Every question with both answers and what they took."""
    return [
        TestCall(
            timestamp=one.call.timestamp,
            label=one.label,
            production=one.answer,
            candidate=reply.text,
            attributes=one.took.attributes,
            production_usage=one.took.usage,
            candidate_usage=_spent(reply, price),
        )
        for one, reply in zip(asked, replies, strict=True)
    ]


def judged_pairs(
    asked: Sequence[Question], replies: Sequence[Reply], *, service: str, model: str
) -> list[Pair]:
    """Those that the candidate answered, for judges."""
    return [
        Pair(
            one.call.trace_id, one.call.span_id, one.call.timestamp, service, one.text.input,
            one.label, one.answer, reply.text, one.took.request_model, model,
        )
        for one, reply in zip(asked, replies, strict=True)
        if reply.text is not None
    ]  # fmt: skip


def price_for(settings: Settings, model: str) -> Price | None:
    """What the candidate's tokens cost; None where nobody has said."""
    return price_of(model, own=settings.judge_prices)


def _spent(reply: Reply, price: Price | None) -> Usage:
    cost = None
    if price is not None and reply.input_tokens is not None and reply.output_tokens is not None:
        cost = price.cost(reply.input_tokens, reply.output_tokens)
    return Usage(reply.duration_ms, reply.input_tokens, reply.output_tokens, cost)


def _usage(
    store: Store, service: str, calls: Sequence[TrafficCall]
) -> dict[tuple[str, str], CallUsage]:
    found = {}
    for chunk in chunks(calls):
        for one in store.read(
            "trial_usage",
            CallUsage,
            service=service,
            since=chunk[0].timestamp,
            until=chunk[-1].timestamp,
            traces=[call.trace_id for call in chunk],
        ):
            found[one.trace_id, one.span_id] = one
    return found
