"""Feedback and outcomes: what a user said, what really happened; as evaluation events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from monitor import vocabulary as v
from monitor.sdk.distance import Distance
from monitor.sdk.guard import GUARD
from monitor.sdk.identifiers import new_score_id
from monitor.sdk.json_text import to_json
from monitor.sdk.runtime import active
from monitor.sdk.snapshot import Budget, snapshot
from monitor.sdk.surroundings import Place, current, current_labels

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Score", "feedback", "outcome"]

TEXT_LIMIT = 8192


@dataclass(frozen=True, slots=True)
class Score:
    """One verdict on a call, a trace or a session, on its way to the collector."""

    name: str
    source: str
    """`user` or `outcome`."""
    value: float | Distance | None
    label: str | None
    comment: str | None
    expected: Any
    """Snapshot of the right answer, where it is known."""
    score_id: str
    target: str
    trace_id: str
    span_id: str
    session: str | None
    user: str | None
    told_ns: int
    observed_ns: int
    resource: Any
    size: int
    mask: Any = None
    """The app's own, from the runtime."""

    path = "/v1/logs"
    scope = (v.SCOPE_NAME, "")

    def attributes(self) -> Iterator[tuple[str, Any]]:
        """As attributes of the evaluation event; called on the background thread."""
        named = (
            (v.EVALUATION_NAME, self.name),
            (v.EVALUATION_VALUE, None if self.value is None else float(self.value)),
            (v.EVALUATION_LABEL, self.label),
            (v.EVALUATION_EXPLANATION, self.comment),
            (v.OUTERLOOP_SCORE_ID, self.score_id),
            (v.OUTERLOOP_SCORE_SOURCE, self.source),
            (v.OUTERLOOP_SCORE_TARGET, self.target),
            (v.OUTERLOOP_SCORE_OBSERVED_AT, self.observed_ns),
            (v.SESSION_ID, self.session),
            (v.USER_ID, self.user),
        )
        yield from ((name, value) for name, value in named if value is not None)
        if self.expected is not None:
            text = self.expected if isinstance(self.expected, str) else to_json(self.expected)
            yield v.OUTERLOOP_SCORE_EXPECTED, text


def feedback(
    name: str,
    value: bool | float | str,  # noqa: FBT001 - a verdict is often yes or no
    *,
    trace_id: str | None = None,
    span_id: str | None = None,
    session: str | None = None,
    comment: str | None = None,
    expected: Any = None,
    key: str | None = None,
) -> None:
    """Tell what a user said about a call (`trace_id` and `span_id`), a trace, or a session.

    Args:
        name: What was judged, for example `"thumbs"`.
        value: A number, a bool (1 or 0), or a text that becomes the label.
        trace_id: 32 hexadecimal digits; the current trace by default, else the current session.
        span_id: 16 hexadecimal digits of the one call that is meant.
        session: The conversation that is meant, where it is not a single trace.
        comment: The user's own words.
        expected: The right answer, where the user gave it.
        key: Makes it idempotent: the same name, target and key told again replaces what was told
        before.
    """
    _tell(
        "user",
        name,
        value,
        _Target(trace_id, span_id, session),
        _Said(comment, expected, key, None),
    )


def outcome(  # noqa: PLR0913 - the contract's options
    name: str,
    value: bool | float | str,  # noqa: FBT001 - a verdict is often yes or no
    *,
    session: str | None = None,
    trace_id: str | None = None,
    span_id: str | None = None,
    at: datetime | None = None,
    expected: Any = None,
    key: str | None = None,
    comment: str | None = None,
) -> None:
    """Tell what really happened, now or days later; `at` says when (a time without a zone is UTC).

    The other arguments are those of `feedback`.
    """
    _tell(
        "outcome",
        name,
        value,
        _Target(trace_id, span_id, session),
        _Said(comment, expected, key, at),
    )


@dataclass(frozen=True, slots=True)
class _Target:
    trace_id: str | None
    span_id: str | None
    session: str | None

    def kind(self) -> str:
        if self.span_id and self.trace_id:
            return "call"
        return "trace" if self.trace_id else "session"


@dataclass(frozen=True, slots=True)
class _Said:
    comment: str | None
    expected: Any
    key: str | None
    at: datetime | None


@GUARD
def _tell(source: str, name: str, value: Any, asked: _Target, said: _Said) -> None:
    runtime = active()
    if runtime is None:
        return
    target = _resolve(asked, current())
    if target is None:
        GUARD.warn(
            "score without target",
            "outerloop: %s(%r) has no trace_id and no session, nor is it inside one; not recorded",
            "feedback" if source == "user" else source,
            name,
        )
        return
    labels = current_labels()
    budget = Budget(TEXT_LIMIT)
    told = runtime.clock()
    text = isinstance(value, str)
    runtime.outbox.put(
        Score(
            name=str(name),
            source=source,
            value=None if text else value if isinstance(value, Distance) else float(value),
            label=budget.text(str(value)) if text else None,
            comment=budget.text(str(said.comment)) if said.comment is not None else None,
            expected=snapshot(said.expected, budget),
            score_id=_score_id(source, str(name), said.key, target),
            target=target.kind(),
            trace_id=target.trace_id or "",
            span_id=target.span_id or "",
            session=target.session or labels.session,
            user=labels.user,
            told_ns=told,
            observed_ns=told if said.at is None else _nanoseconds(said.at),
            resource=runtime.resource,
            size=TEXT_LIMIT - budget.left + 1000,
            mask=runtime.mask,
        )
    )


def _score_id(source: str, name: str, key: str | None, target: _Target) -> str:
    """Random, or, with a key, the same for the same thing said about the same target."""
    if key is None:
        return new_score_id()
    about = (target.trace_id, target.span_id) if target.trace_id else (target.session,)
    import hashlib  # noqa: PLC0415 - loads OpenSSL, and only keys need it

    parts = (source, name, str(key), *(part or "" for part in about))
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _resolve(asked: _Target, here: Place | None) -> _Target | None:
    """What is meant: what was named, else the current trace, else the current session."""
    trace_id = _hexadecimal(asked.trace_id, 32)
    span_id = _hexadecimal(asked.span_id, 16)
    if span_id and not trace_id and here is not None:
        trace_id = here.trace_id
    session = str(asked.session) if asked.session is not None else None
    if trace_id or session:
        return _Target(trace_id, span_id if trace_id else None, session)
    if here is not None:
        return _Target(here.trace_id, None, None)
    session = current_labels().session
    return _Target(None, None, session) if session else None


def _hexadecimal(text: str | None, digits: int) -> str | None:
    if text is None:
        return None
    clean = str(text).lower().replace("-", "")
    int(clean, 16)  # a wrong id is told once by the guard, not stored
    return clean.zfill(digits)


def _nanoseconds(moment: datetime) -> int:
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    seconds = int(aware.timestamp() // 1)
    return seconds * 1_000_000_000 + aware.microsecond * 1000
