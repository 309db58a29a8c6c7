"""Traffic that looks like traffic.

A rhythm of the week, good and bad days, bursts, retries, bots, a weekly batch, a holiday, a marketing spike, and an
outage of the network whose calls arrive late.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.weeks.scenario import START, Odds, Scenario
from monitor.records import ScoreRow

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CallRow", "Event", "traffic"]

HOLIDAY = START + timedelta(days=24)
SPIKE = START + timedelta(days=30)
SPIKE_DAYS = 2
OUTAGE = START + timedelta(days=17, hours=13)
OUTAGE_H = timedelta(hours=5)
TENANTS, SHARES = ("acme", "globex", "initech", "umbrella", "free"), (0.15, 0.3, 0.25, 0.2, 0.1)
TOPICS = ("invoice", "delivery", "refund", "contract", "password", "address", "mortgage", "meeting")
JUDGED, SAID = 0.08, 0.04
"""Shares of the assistant's calls that the judge sees, and about which a user says something."""
BATCH, BOT = 500, 120


@dataclass(frozen=True, slots=True)
class CallRow:
    """The columns of `calls` that are filled."""

    timestamp: datetime
    trace_id: str
    span_id: str
    service: str
    release: str
    environment: str
    operation: str
    provider: str
    request_model: str
    response_model: str
    prompt_name: str
    prompt_version: str
    session_id: str
    user_id: str
    tags: dict[str, str]
    input_messages: str
    output_messages: str
    input_tokens: int
    output_tokens: int
    cost_usd: float
    duration_ms: float
    time_to_first_token_ms: float
    status: str
    error_type: str
    finish_reason: str
    convention: str = "benchmark"


@dataclass(order=True, slots=True)
class Event:
    """A call or a score when it arrives."""

    arrives: datetime
    row: CallRow | ScoreRow = field(compare=False)


class _Days:
    """Slow changes of volume and of the error rate, autocorrelated from day to day."""

    def __init__(self, rng: np.random.Generator, days: int) -> None:
        self.volume = np.exp(_autoregressive(rng, days, 0.15))
        self.errors = np.exp(_autoregressive(rng, days, 0.3))


def _autoregressive(rng: np.random.Generator, days: int, sd: float) -> list[float]:
    path, now = [], 0.0
    for shock in rng.normal(0, sd * np.sqrt(1 - 0.36), days):
        now = 0.6 * now + shock
        path.append(now)
    return path


def traffic(scenario: Scenario, *, days: int, per_day: int, seed: int) -> Iterator[list[Event]]:
    """Every day's calls and what is said about them, day by day."""
    rng = np.random.default_rng(seed)
    slow = {name: _Days(rng, days) for name in ("assistant", "extractor")}
    for day in range(days):
        events: list[Event] = []
        for service, share in (("assistant", 0.6), ("extractor", 0.4)):
            makes = _Maker(service, scenario, rng, slow[service].errors[day])
            for hour in range(24):
                at = START + timedelta(days=day, hours=hour)
                calls = per_day * share * slow[service].volume[day] * _shape(at)
                events += makes.hour(at, calls)
        yield events


def _shape(at: datetime) -> float:
    """Share of a usual day's calls in this hour."""
    daily = 1 + 0.8 * np.sin(2 * np.pi * (at.hour - 8) / 24)
    weekly = 0.55 if at.weekday() >= 5 else 1.15
    special = 0.25 if at.date() == HOLIDAY.date() else 1.0
    if SPIKE <= at < SPIKE + timedelta(days=SPIKE_DAYS):
        special = 3.0
    return float(daily * weekly * special / 24)


@dataclass
class _Maker:
    """Makes one service's calls of a day."""

    service: str
    scenario: Scenario
    rng: np.random.Generator
    error_factor: float

    def hour(self, at: datetime, calls: float) -> list[Event]:
        """The calls of an hour: sessions, a bot now and then, the batch on Sundays."""
        events: list[Event] = []
        size = 3.0 if self.service == "assistant" else 1.3
        for _ in range(int(self.rng.poisson(calls / size))):
            start = at + timedelta(seconds=float(self.rng.uniform(0, 3600)))
            tenant = str(self.rng.choice(TENANTS, p=_shares(at)))
            events += self.session(start, tenant, 1 + int(self.rng.poisson(size - 1)), "web")
        if self.rng.random() < 1 / 150:
            events += self.session(at, "free", BOT, "bot", pause_s=12)
        if self.service == "extractor" and at.weekday() == 6 and at.hour == 2:
            events += self.session(at, "umbrella", BATCH, "batch", pause_s=5)
        return events

    def session(
        self, start: datetime, tenant: str, calls: int, channel: str, *, pause_s: float = 40
    ) -> list[Event]:
        """Calls one after the other; one that fails is tried again up to three times, and often fails again."""
        name, at, events = f"{self.rng.integers(2**63):016x}", start, []
        for _ in range(calls):
            odds = self.scenario.change(Odds(), at, tenant)
            if self.scenario.service not in ("", self.service):
                odds = Odds()
            chance = odds.error * self.error_factor * (1.4 if 9 <= at.hour < 17 else 0.8)
            for attempt in range(4):
                failed = bool(self.rng.random() < (chance if attempt == 0 else 0.4))
                events += self.call(at, tenant, name, channel, odds, failed=failed)
                at += timedelta(seconds=2.0**attempt)
                if not failed:
                    break
            at += timedelta(seconds=float(self.rng.exponential(pause_s)))
        return events

    def call(
        self, at: datetime, tenant: str, session: str, channel: str, odds: Odds, *, failed: bool
    ) -> list[Event]:
        """One call, and what the judge and the user say of it."""
        extracts = self.service == "extractor"
        asked, answer = (self._document if extracts else self._talk)(at, odds)
        words, length = len(asked) // 4, 0 if failed else len(answer) // 4
        row = CallRow(
            timestamp=at,
            trace_id=f"{self.rng.integers(2**63):032x}",
            span_id=f"{self.rng.integers(2**63):016x}",
            service=self.service,
            release="r12",
            environment="production",
            operation="chat",
            provider="openai",
            request_model="gpt-4o",
            response_model="" if failed else odds.model,
            prompt_name=f"{self.service}-main",
            prompt_version=odds.prompt,
            session_id=f"s-{session}",
            user_id=f"u-{session[:4]}",
            tags={"tenant": tenant, "channel": channel},
            input_messages=_message("user", asked),
            output_messages="" if failed else _message("assistant", answer),
            input_tokens=words,
            output_tokens=length,
            cost_usd=2.5e-6 * words + 1e-5 * length,
            duration_ms=float(self.rng.gamma(4, 60) + 15 * length),
            time_to_first_token_ms=float(self.rng.gamma(4, 60)),
            status="error" if failed else "ok",
            error_type="RateLimitError" if failed else "",
            finish_reason="" if failed else "stop",
        )
        arrives = at + timedelta(seconds=3)
        if OUTAGE <= at < OUTAGE + OUTAGE_H:
            arrives = OUTAGE + OUTAGE_H + timedelta(minutes=3)
        told = [] if failed or extracts else self._said(row, odds)
        return [Event(arrives, row), *told]

    def _document(self, at: datetime, odds: Odds) -> tuple[str, str]:
        due = (at + timedelta(days=int(self.rng.integers(1, 31)))).date().isoformat()
        amount = round(float(self.rng.lognormal(6, 0.8)), 2)
        topic, number = self.rng.choice(TOPICS), self.rng.integers(10**6)
        asked = f"Read this {topic}. Reference {number}. Due on {due}. Total {amount} EUR."
        if odds.layout == "b":
            asked = json.dumps(
                {"kind": str(topic), "ref": int(number), "dueAt": due, "lines": [{"gross": amount}]}
            )
        answer: dict[str, object] = {"kind": str(topic), "due_date": due, "currency": "EUR"}
        if self.rng.random() >= odds.missing:
            answer["amount"] = amount
        text = json.dumps(answer)
        return asked, text[: len(text) // 2] if self.rng.random() < odds.invalid else text

    def _talk(self, at: datetime, odds: Odds) -> tuple[str, str]:
        del at
        topic, other = self.rng.choice(TOPICS, 2)
        asked = f"Hello, I have a question about my {topic}, number {self.rng.integers(10**5)}. How do I change it?"
        steps = [f"Open the page of your {topic}.", f"Choose {other}.", "Confirm with your code."]
        return asked, " ".join(steps[: 1 if odds.terse else 3] * int(self.rng.integers(1, 3)))

    def _said(self, call: CallRow, odds: Odds) -> list[Event]:
        told = []
        if _place(call) < JUDGED:
            bad = bool(self.rng.random() < odds.bad)
            at = call.timestamp + timedelta(minutes=20)
            told.append(
                _score(call, "judge", "helpful", 0.0 if bad else 1.0, at, odds.judge, JUDGED)
            )
        if self.rng.random() < SAID:
            at = call.timestamp + timedelta(minutes=float(self.rng.exponential(30)))
            unhappy = bool(self.rng.random() < odds.unhappy)
            told.append(_score(call, "user", "thumbs", -1.0 if unhappy else 1.0, at, "app", 1.0))
        return told


def _shares(at: datetime) -> tuple[float, ...]:
    """The marketing spike brings people who pay nothing."""
    if SPIKE <= at < SPIKE + timedelta(days=SPIKE_DAYS):
        return (0.07, 0.13, 0.1, 0.1, 0.6)
    return SHARES


def _place(call: CallRow) -> float:
    """The place that the judge's own draw gives a call, so that the sample is one that it would have drawn."""
    key = f"outerloop-judge:{call.trace_id}:{call.span_id}"
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64


def _score(
    call: CallRow, source: str, name: str, value: float, at: datetime, author: str, probability: float
) -> Event:  # fmt: skip
    return Event(
        at,
        ScoreRow(
            timestamp=at,
            score_id=f"{source}-{call.trace_id}",
            target="call",
            trace_id=call.trace_id,
            span_id=call.span_id,
            session_id=call.session_id,
            service=call.service,
            name=name,
            source=source,
            value=value,
            label="",
            explanation="",
            expected="",
            author=author,
            observed_at=call.timestamp,
            sampling_probability=probability,
            cost_usd=0.0003 if source == "judge" else None,
        ),
    )


def _message(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])
