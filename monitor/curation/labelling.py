"""A stronger model's answers as labels, where the user allows it: marked as such, after people's and outcomes'.

A label is a row of `scores`, source `judge`, name `label_model`, author `model:<name>`, its value NaN: it says what
the right answer is, and passes no verdict on the one that was given.
"""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from openai import AsyncOpenAI, OpenAIError

from judges.asking.prices import price_of
from monitor.curation.messages import chat_messages, given_answer, to_json
from monitor.curation.queue import WINDOW
from monitor.curation.reserve import load_key, position, reserved
from monitor.curation.tools import offered_tools
from monitor.curation.traffic import call_texts, message_text, traffic
from monitor.exceptions import ConfigurationError
from monitor.records import ScoreRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from judges.asking.prices import Price
    from monitor.curation.traffic import CallText, TrafficCall
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["ModelLabels", "label_by_model"]

NAME = "label_model"
TIMEOUT_S = 120.0
BATCH = 8
"""Calls asked about at once; what they cost is known before the next ones are asked."""


@dataclass(frozen=True, slots=True)
class ModelLabels:
    """What a run did."""

    author: str
    asked: int
    labelled: int
    failed: int
    cost_usd: float
    problem: str = ""
    """The last failure."""


def label_by_model(
    store: Store, settings: Settings, *, service: str, limit: int, max_usd: float, now: datetime
) -> ModelLabels:
    """Ask the stronger model about hard calls without a label, the hardest first, until the money is spent.

    Reserved calls are not asked about: a test set that a model has labelled tests likeness to that model.

    Raises:
        ConfigurationError: no model is set, or its price is not known.
    """
    model, price = _model(settings)
    key = load_key(settings.data_dir)
    hard = [
        call
        for call in traffic(store, service, now - WINDOW, now)
        if call.signals and not call.label and not reserved(call.trace_id, key)
    ]
    hard.sort(key=lambda call: (-len(call.signals), position(call.trace_id, key, "order")))
    chosen = hard[:limit]
    run = _Run(
        model,
        price,
        texts=call_texts(store, service, chosen),
        tools=offered_tools(store, chosen),
    )
    asyncio.run(run.ask_all(settings, chosen, max_usd))
    rows = [_row(call, label, service, model, now) for call, label in run.labels]
    store.append("scores", rows)
    return ModelLabels(
        f"model:{model}", run.asked, len(rows), run.asked - len(rows), run.cost_usd, run.problem
    )


def _model(settings: Settings) -> tuple[str, Price]:
    model = settings.dataset_label_model
    if not model or settings.judge_base_url is None:
        raise ConfigurationError(
            "no stronger model may write labels; set OUTERLOOP_DATASET_LABEL_MODEL=gpt-5 and"
            " OUTERLOOP_JUDGE_BASE_URL=https://api.openai.com/v1"
        )
    price = price_of(model, own=settings.judge_prices)
    if price is None:
        raise ConfigurationError(
            f"the price of {model} is not known, so what it costs could not be held;"
            f" set OUTERLOOP_JUDGE_PRICES={model}=1.25/10"
        )
    return model, price


@dataclass(slots=True)
class _Run:
    """Asks, and keeps what came back."""

    model: str
    price: Price
    texts: dict[tuple[str, str], CallText]
    tools: dict[tuple[str, str], str]
    labels: list[tuple[TrafficCall, str]] = field(default_factory=list)
    asked: int = 0
    cost_usd: float = 0.0
    problem: str = ""

    async def ask_all(
        self, settings: Settings, calls: Sequence[TrafficCall], max_usd: float
    ) -> None:
        """Ask about the calls, a few at a time, as long as there is money."""
        key = settings.judge_api_key
        async with AsyncOpenAI(
            base_url=settings.judge_base_url,
            api_key=key.get_secret_value() if key else "none",
            timeout=TIMEOUT_S,
            max_retries=2,
        ) as client:
            for start in range(0, len(calls), BATCH):
                if self.cost_usd >= max_usd:
                    self.problem = f"stopped at ${max_usd:g}"
                    return
                batch = calls[start : start + BATCH]
                await asyncio.gather(*(self._ask(client, call) for call in batch))

    async def _ask(self, client: AsyncOpenAI, call: TrafficCall) -> None:
        place = call.trace_id, call.span_id
        if place not in self.texts:
            return
        self.asked += 1
        given: dict[str, Any] = {"messages": chat_messages(message_text(self.texts[place]))}
        if place in self.tools:
            given["tools"] = json.loads(self.tools[place])
        try:
            reply: Any = await client.chat.completions.create(model=self.model, **given)
            self.cost_usd += self._price(reply)
            label = _label(reply)
        except (OpenAIError, AttributeError, IndexError, TypeError, ValueError) as error:
            self.problem = f"{type(error).__name__}: {error}"[:300]
            return
        self.labels.append((call, label))

    def _price(self, reply: Any) -> float:
        return self.price.cost(reply.usage.prompt_tokens, reply.usage.completion_tokens)


def _label(reply: Any) -> str:
    """The answer, whole: one that was cut off or refused is none."""
    choice = reply.choices[0]
    if choice.finish_reason not in ("stop", "tool_calls"):
        raise ValueError(f"the answer ended with {choice.finish_reason}")
    message = choice.message.model_dump(exclude_none=True)
    label = given_answer(
        to_json([{"role": "assistant", **message}]), str(message.get("content") or "")
    )
    if not label.strip():
        raise ValueError("the answer is empty")
    return label


def _row(call: TrafficCall, label: str, service: str, model: str, now: datetime) -> ScoreRow:
    return ScoreRow(
        timestamp=now,
        score_id=f"{NAME}:{call.trace_id}:{call.span_id}:{model}",
        target="call",
        trace_id=call.trace_id,
        span_id=call.span_id,
        session_id="",
        service=service,
        name=NAME,
        source="judge",
        value=math.nan,
        label="answered",
        explanation="",
        expected=label,
        author=f"model:{model}",
        observed_at=now,
    )
