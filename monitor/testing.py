"""For the tests of apps: spans and scores captured in memory, with the same ids and times every run.

With pytest, ask for the fixture `outerloop_spans`, which is there as soon as Outerloop is
installed; with anything else, use `capture`:

    >>> import monitor
    >>> from monitor.testing import capture
    >>> @monitor.observe(kind="tool")
    ... def add(a: int, b: int) -> int:
    ...     return a + b
    >>> with capture() as recording:
    ...     _ = add(1, 2)
    >>> span = recording.span("add")
    >>> span.input, span.output, span.status, span.span_id
    ({'a': 1, 'b': 2}, 3, 'ok', '0a5d2f346baa9455')

Evaluation samples are tests too: `assert_eval` and `evaluate` below, and `docs/evals.md`.

With `capture` nothing is sent, nothing touches the disk, and an app that calls `monitor.init` in the middle of a
test goes on being captured. Every start and every end is a millisecond after the one before, so
that the order of events can be seen in their times.
"""

from __future__ import annotations

import json
import random
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import StatusCode

from monitor import vocabulary as v
from monitor.sdk.configuration import Configuration, Options, read_configuration
from monitor.sdk.encoding import further
from monitor.sdk.memory import Memory, Ticks
from monitor.sdk.processor import ForeignSpan
from monitor.sdk.runtime import Runtime, substitute, switch_on
from monitor.sdk.scores import Score
from monitor.sdk.step import Step

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from judges.interaction import Interaction, Judge
    from monitor.evaluation import Dataset, Evaluation
    from monitor.evaluation.rows import EvaluationRow
    from monitor.evaluation.run import Answer
    from monitor.sdk.outbox import Record

__all__ = ["CapturedScore", "CapturedSpan", "Recording", "assert_eval", "capture", "evaluate"]

CALLS = frozenset({"chat", "text_completion", "embeddings", "generate_content"})
INPUTS = (v.OUTERLOOP_INPUT, v.INPUT_MESSAGES)
OUTPUTS = (v.OUTERLOOP_OUTPUT, v.OUTPUT_MESSAGES)


@dataclass(frozen=True, slots=True)
class CapturedSpan:
    """One span, as it would have been sent."""

    name: str
    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    """16 hexadecimal digits."""
    parent_id: str
    """16 hexadecimal digits; empty for the first span of a trace."""
    status: str
    """`ok`, `error` or `abandoned`."""
    error: str
    """Message of the exception; empty where there was none."""
    started_ns: int
    ended_ns: int
    attributes: Mapping[str, Any]
    """By the names of the OpenTelemetry conventions; see `monitor.vocabulary`."""
    events: tuple[tuple[str, Mapping[str, Any]], ...]
    """Name and attributes of what happened in between."""

    @property
    def input(self) -> Any:
        """Arguments by name, or the messages of an LLM call; None where they are not kept."""
        return _decoded(self.attributes, INPUTS)

    @property
    def output(self) -> Any:
        """What was returned or yielded, or the answers of an LLM call; None where not kept."""
        return _decoded(self.attributes, OUTPUTS)

    @property
    def is_call(self) -> bool:
        """Whether it is one call to a model."""
        return self.attributes.get(v.OPERATION) in CALLS


@dataclass(frozen=True, slots=True)
class CapturedScore:
    """One feedback or outcome, as it would have been sent."""

    name: str
    value: float | None
    label: str | None
    source: str
    """`user` or `outcome`."""
    target: str
    """`call`, `trace` or `session`."""
    trace_id: str
    span_id: str
    attributes: Mapping[str, Any]


@dataclass(slots=True)
class Recording:
    """What has been captured so far; spans appear when they end."""

    _records: list[Record] = field(default_factory=list)
    _spans: list[CapturedSpan] = field(default_factory=list)
    _scores: list[CapturedScore] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, record: Record) -> None:
        """Take a record in; called by the SDK."""
        with self._lock:
            self._records.append(record)

    @property
    def spans(self) -> list[CapturedSpan]:
        """All spans, in the order in which they began."""
        self._read()
        return sorted(self._spans, key=lambda span: span.started_ns)

    @property
    def calls(self) -> list[CapturedSpan]:
        """The calls to models among them."""
        return [span for span in self.spans if span.is_call]

    @property
    def scores(self) -> list[CapturedScore]:
        """All feedback and outcomes, in the order in which they were told."""
        self._read()
        return list(self._scores)

    def span(self, name: str) -> CapturedSpan:
        """The only span of this name.

        Raises:
            LookupError: there is none, or more than one; the message lists all names.
        """
        found = [span for span in self.spans if span.name == name]
        if len(found) == 1:
            return found[0]
        names = ", ".join(span.name for span in self.spans) or "nothing"
        raise LookupError(f"{len(found)} spans are named {name!r}; captured so far: {names}")

    def children(self, parent: CapturedSpan) -> list[CapturedSpan]:
        """The spans right under this one."""
        return [span for span in self.spans if span.parent_id == parent.span_id]

    def clear(self) -> None:
        """Forget what has been captured so far; ids and times go on."""
        with self._lock:
            self._records, self._spans, self._scores = [], [], []

    def _read(self) -> None:
        with self._lock:
            records, self._records = self._records, []
            for record in records:
                if isinstance(record, Step):
                    self._spans.append(_span(record))
                elif isinstance(record, ForeignSpan):
                    self._spans.append(_foreign(record))
                elif isinstance(record, Score):
                    self._scores.append(_score(record))


@contextmanager
def capture(
    *, seed: int = 0, service: str = "test", options: Options | None = None
) -> Iterator[Recording]:
    """Capture everything that is observed inside; afterwards the SDK is as it was before.

    Args:
        seed: Ids follow from it: the same seed, the same ids.
        service: The app's name.
        options: Further options of `init`: a share, a mask, limits.
    """
    recording, ticks, ids = Recording(), Ticks(), random.Random(seed)  # noqa: S311 - ids for tests

    def make(configuration: Configuration) -> Runtime:
        told = replace(configuration, spool=None, clock=ticks.clock, timer=ticks.timer)
        told = replace(told, bits=ids.getrandbits)
        return Runtime(told, Memory(told.limits, recording.add))

    restore = substitute(make)
    try:
        switch_on(read_configuration(replace(options or Options(), service=service), {}))
        yield recording
    finally:
        restore()


def assert_eval(
    judge: str | Judge | Sequence[str | Judge],
    sample: Interaction | Mapping[str, Any] | None = None,
    *,
    at_least: float = 1.0,
    at_most: float = 0.0,
    label: str | Collection[str] = (),
    **fields: Any,
) -> None:
    """Demand that a judge, or each of several, is content with one sample.

    >>> assert_eval("json_valid", output='{"due_date": "2024-01-15"}')

    A yes passes; a score passes from `at_least` on, a label when it is `label`. Of a judge whose
    `direction` is lower a no passes, and a score up to `at_most`. No verdict (an endpoint that is
    away, a reply that cannot be read) does not pass, nor does a question that does not arise: what
    was not judged was not tested.

    Args:
        judge: a definition's or a check's name, or a judge itself.
        sample: the sample, e.g. of the marker `outerloop_eval`.
        at_least: the lowest score that passes.
        at_most: the highest score that passes, of a judge of which less is better.
        label: the label, or labels, that pass, of a judge that gives labels.
        **fields: of the sample, in place of its own: input, output, expected, other, steps, …

    Raises:
        AssertionError: it is not content; says why, in its own words.
        ImportError: the `server` extra, which has the judges, is not installed.
    """
    samples = _evaluation("monitor.evaluation.samples")
    told = samples.one_sample(sample, fields)
    done = evaluate([told], judge)
    wanted = {label} if isinstance(label, str) else set(label)
    wrong = [
        said
        for row in done.rows
        if (said := _objection(row, at_least=at_least, at_most=at_most, labels=wanted))
    ]
    if wrong or not done.rows:
        told_so = wrong or ["no judge was asked"]
        raise AssertionError("\n".join([*told_so, f"answer: {told.output[:500]}"]))


def _objection(
    row: EvaluationRow, *, at_least: float, at_most: float, labels: Collection[str]
) -> str:
    """Why a verdict does not pass; '' when it does."""
    if row.ok and row.kind == "label":
        if row.label in labels:
            return ""
        wanted = " or ".join(sorted(labels))
        asked = f", {wanted} was asked for" if labels else ", and no label= says which passes"
    elif row.ok and row.direction == "lower":
        if row.value <= at_most:
            return ""
        asked = f" {row.value:g}, at most {at_most:g} was asked for" if row.kind == "score" else ""
    else:
        if row.ok and row.value >= at_least:
            return ""
        asked = (
            f" {row.value:g}, at least {at_least:g} was asked for" if row.kind == "score" else ""
        )
    reason = f": {row.reason}" if row.reason else ""
    return f"{row.judge}: {row.label or row.status.replace('_', ' ')}{asked}{reason}"


def evaluate(
    samples: Dataset | str | Path | Iterable[Mapping[str, Any] | Interaction],
    judges: str | Judge | Sequence[str | Judge],
    *,
    answer: Answer | None = None,
    budget_usd: float | None = None,
) -> Evaluation:
    """Judge a whole dataset; the result has `assert_pass_rate`, `assert_mean`, `assert_not_worse`.

    >>> done = evaluate([{"input": "1 + 1", "output": "2"}], "json_valid")
    >>> done.assert_pass_rate(0.9)

    Args:
        samples: a file, or records with `input` and `output`.
        judges: by name, or judges themselves.
        answer: the app under test, from input to output; records then need no output.
        budget_usd: hard limit of what the judges may spend.

    Raises:
        ImportError: the `server` extra, which has the judges, is not installed.
    """
    made: Evaluation = _evaluation("monitor.evaluation").evaluate(
        samples, judges, answer=answer, budget_usd=budget_usd
    )
    return made


def _evaluation(module: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"evaluations need the judges, and {error.name} is missing: pip install 'outerloop[server]'"
        ) from error


def _span(step: Step) -> CapturedSpan:
    mask = step.runtime.mask
    told = [*step.description.attributes(step), *further(step)]
    attributes = {
        name: value if mask is None else mask(name, value)
        for name, value in told
        if value is not None
    }
    attributes |= dict(step.labels.attributes())
    failed = "error" if step.failure is not None else "ok"
    return CapturedSpan(
        name=step.description.name(step),
        trace_id=f"{step.trace_id:032x}",
        span_id=f"{step.span_id:016x}",
        parent_id=f"{step.parent_id:016x}" if step.parent_id else "",
        status="abandoned" if step.abandoned else failed,
        error=step.failure.message if step.failure is not None else "",
        started_ns=step.started_ns,
        ended_ns=step.started_ns + step.elapsed_ns,
        attributes=MappingProxyType(attributes),
        events=tuple((name, MappingProxyType(dict(said))) for _, name, said in step.events or ()),
    )


def _foreign(record: ForeignSpan) -> CapturedSpan:
    """A span of another tracer, with ids and times of its own."""
    span = record.span
    failed = span.status.status_code is StatusCode.ERROR
    return CapturedSpan(
        name=span.name,
        trace_id=f"{span.context.trace_id:032x}",
        span_id=f"{span.context.span_id:016x}",
        parent_id=f"{span.parent.span_id:016x}" if span.parent else "",
        status="error" if failed else "ok",
        error=(span.status.description or "") if failed else "",
        started_ns=span.start_time,
        ended_ns=span.end_time,
        attributes=MappingProxyType(dict(span.attributes or {})),
        events=tuple(
            (event.name, MappingProxyType(dict(event.attributes or {}))) for event in span.events
        ),
    )


def _score(score: Score) -> CapturedScore:
    mask = score.mask
    attributes = {
        name: value if mask is None else mask(name, value) for name, value in score.attributes()
    }
    return CapturedScore(
        name=score.name,
        value=attributes.get(v.EVALUATION_VALUE),
        label=score.label,
        source=score.source,
        target=score.target,
        trace_id=score.trace_id,
        span_id=score.span_id,
        attributes=MappingProxyType(attributes),
    )


def _decoded(attributes: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    text = next((attributes[name] for name in names if name in attributes), None)
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:  # what a mask has made of it
        return text
