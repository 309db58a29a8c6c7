"""Calls as the jobs read them: the columns they need, in order of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from judges.interaction import Interaction

if TYPE_CHECKING:
    from monitor.jobs.job import Window
    from monitor.store import Store

__all__ = ["Call", "calls_between", "calls_without", "services"]


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

    def interaction(self, expected: str = "") -> Interaction:
        """The call as a judge sees it."""
        return Interaction(
            trace_id=self.trace_id,
            span_id=self.span_id,
            timestamp=self.timestamp,
            input=self.input,
            output=self.output,
            expected=expected,
            model=self.request_model,
            tags=self.tags,
        )


def services(store: Store) -> list[str]:
    """Every service that has calls, by name."""
    return [row[0] for row in store.rows("services")]


def calls_between(store: Store, service: str, window: Window) -> list[Call]:
    """A service's calls of a window, in order of time."""
    return store.read(
        "calls_between", Call, service=service, since=window.since, until=window.until
    )


def calls_without(store: Store, name: str, window: Window) -> list[Call]:
    """Successful calls of the window that have no score of that name yet, in order of time."""
    return store.read(
        "calls_without_score", Call, name=name, since=window.since, until=window.until
    )
