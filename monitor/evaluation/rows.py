"""One verdict of one judge on one sample, as a row of `evaluations` and a line of a run's file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import isnan, nan
from typing import TYPE_CHECKING

from judges.interaction import JudgeFailure, Judgement
from monitor.evaluation.samples import sample_id

if TYPE_CHECKING:
    from judges.interaction import Interaction, Verdict

__all__ = ["EvaluationRow", "RunLabel", "row_of"]

LONGEST_TEXT = 4000
"""Characters of an input or an answer that a row keeps; the dataset has the whole."""
LONGEST_RAW = 8000


@dataclass(frozen=True, slots=True)
class RunLabel:
    """What all rows of a run have in common."""

    run_id: str
    timestamp: datetime
    dataset: str
    dataset_hash: str
    candidate: str = ""
    """What is judged, in the caller's words: a release, a prompt version."""
    lower: frozenset[str] = frozenset()
    """Judges of which a lower value is better."""


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """A field is named as its column."""

    timestamp: datetime
    """When the run began."""
    run_id: str
    dataset: str
    dataset_hash: str
    sample_id: str
    trace_id: str
    span_id: str
    session_id: str
    judge: str
    judge_version: str
    judge_model: str
    kind: str
    """Of the value: `yes_no`, `score`, `label`; '' where there is none."""
    direction: str
    """`lower` where less is better, else `higher`."""
    candidate: str
    model: str
    """The model that answered."""
    status: str
    """`ok`, `not_applicable`, or why there is no verdict: `invalid_output`, `refused`, `error`, `over_budget`."""
    value: float
    """1 or 0 for yes and no; NaN where there is no number."""
    label: str
    reason: str
    raw: str
    mode: str
    shown_order: str
    cost_usd: float | None
    input_tokens: int | None
    output_tokens: int | None
    requests: int
    cache_hits: int
    duration_ms: float
    input: str
    output: str
    expected: str

    @property
    def ok(self) -> bool:
        """Whether there is a verdict that counts."""
        return self.status == "ok"

    @property
    def failed(self) -> bool:
        """A no, a score of 0 or less, or no verdict although one was due: what a person looks at first.

        Where lower is better, a yes; of a score nobody knows from where on it is bad.
        """
        if self.status == "not_applicable":
            return False
        if not self.ok:
            return True
        if self.direction == "lower":
            return self.kind == "yes_no" and self.value > 0
        return not isnan(self.value) and self.value <= 0

    @property
    def good(self) -> float:
        """The value, so that more is better."""
        return -self.value if self.direction == "lower" else self.value


def row_of(run: RunLabel, sample: Interaction, verdict: Verdict) -> EvaluationRow:
    """The verdict as a row."""
    usage = verdict.usage
    is_judgement = isinstance(verdict, Judgement)
    value, kind = _number(verdict)
    status = verdict.status if isinstance(verdict, JudgeFailure) else "not_applicable"
    return EvaluationRow(
        timestamp=run.timestamp,
        run_id=run.run_id,
        dataset=run.dataset,
        dataset_hash=run.dataset_hash,
        sample_id=_cut(sample_id(sample), LONGEST_TEXT),
        trace_id=sample.trace_id,
        span_id=sample.span_id if sample.trace_id else "",
        session_id=sample.session_id,
        judge=verdict.name,
        judge_version=verdict.version,
        judge_model=usage.model,
        kind=kind,
        direction="lower" if verdict.name in run.lower else "higher",
        candidate=run.candidate or sample.release,
        model=sample.model,
        status="ok" if is_judgement else status,
        value=value,
        label=_cut(verdict.label, LONGEST_TEXT) if isinstance(verdict, Judgement) else "",
        reason=_cut(verdict.reason, LONGEST_TEXT),
        raw=_cut(verdict.raw, LONGEST_RAW),
        mode=verdict.mode if isinstance(verdict, Judgement) else "",
        shown_order=verdict.order if isinstance(verdict, Judgement) else "",
        cost_usd=usage.cost_usd,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        requests=usage.requests,
        cache_hits=usage.cache_hits,
        duration_ms=usage.duration_ms,
        input=_cut(sample.input, LONGEST_TEXT),
        output=_cut(sample.output, LONGEST_TEXT),
        expected=_cut(sample.expected, LONGEST_TEXT),
    )


def _number(verdict: Verdict) -> tuple[float, str]:
    if not isinstance(verdict, Judgement):
        return nan, ""
    if isinstance(verdict.value, bool):
        return float(verdict.value), "yes_no"
    if isinstance(verdict.value, str):
        return nan, "label"
    return float(verdict.value), "score"


def _cut(text: str, longest: int) -> str:
    """Up to that length, and without what UTF-8 cannot write: half a pair of surrogates."""
    whole = text if len(text) <= longest else text[: longest - 1] + "…"
    return whole.encode("utf-8", "replace").decode()
