"""Calls as the jobs read them: the columns they need, in order of time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from judges.interaction import Interaction, Step, call_key
from monitor.records import ScoreRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.jobs.job import Window
    from monitor.store import Store

__all__ = ["Call", "calls_between", "calls_without", "services", "steps_of"]


@dataclass(frozen=True, slots=True)
class Call:
    """One LLM call."""

    timestamp: datetime
    trace_id: str
    span_id: str
    service: str
    release: str
    environment: str
    request_model: str
    prompt_version: str
    session_id: str
    tags: dict[str, str]
    input: str
    output: str
    status: str
    prompt_name: str = ""
    input_messages: str = ""
    """Read for judges alone; '' elsewhere."""
    output_messages: str = ""

    @property
    def key(self) -> str:
        """What tells this call from all others, as of `Interaction.key`."""
        return call_key(self.trace_id, self.span_id)

    def interaction(self, expected: str = "", *, steps: tuple[Step, ...] = ()) -> Interaction:
        """The call as a judge sees it."""
        return Interaction(
            trace_id=self.trace_id,
            span_id=self.span_id,
            timestamp=self.timestamp,
            input=self.input,
            output=self.output,
            input_messages=self.input_messages,
            output_messages=self.output_messages,
            expected=expected,
            model=self.request_model,
            steps=steps,
            service=self.service,
            release=self.release,
            prompt_name=self.prompt_name,
            prompt_version=self.prompt_version,
            session_id=self.session_id,
            tags=self.tags,
        )

    def score(
        self,
        kind: str,
        *,
        name: str,
        source: str,
        value: float,
        label: str,
        explanation: str,
        author: str,
        now: datetime,
    ) -> ScoreRow:
        """A word on the call as a row; of one `kind` a call has one, and the latest counts."""
        return ScoreRow(
            timestamp=now,
            score_id=f"{kind}:{self.key}",
            target="call",
            trace_id=self.trace_id,
            span_id=self.span_id,
            session_id=self.session_id,
            service=self.service,
            name=name,
            source=source,
            value=value,
            label=label,
            explanation=explanation,
            expected="",
            author=author,
            observed_at=self.timestamp,
        )


def services(store: Store) -> list[str]:
    """Every service that has calls, by name."""
    return [row[0] for row in store.rows("services")]


def calls_between(store: Store, service: str, window: Window) -> list[Call]:
    """A service's calls of a window, in order of time."""
    return store.read(
        "calls_between", Call, service=service, since=window.since, until=window.until
    )


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One step of a trace, as `steps` keeps it."""

    trace_id: str
    name: str
    kind: str
    input: str
    output: str
    span_id: str


def steps_of(store: Store, traces: Sequence[str]) -> dict[str, tuple[Step, ...]]:
    """Steps by trace, in order of time; a trace without steps is not in it."""
    found: dict[str, list[Step]] = defaultdict(list)
    if traces:
        for one in store.read("steps_of_traces", TraceStep, traces=list(traces)):
            step = Step(one.name, one.kind, one.input, one.output, one.span_id)
            found[one.trace_id].append(step)
    return {trace: tuple(steps) for trace, steps in found.items()}


def calls_without(store: Store, name: str, window: Window) -> list[Call]:
    """Successful calls of the window that have no score of that name yet, in order of time."""
    return store.read(
        "calls_without_score", Call, name=name, since=window.since, until=window.until
    )
