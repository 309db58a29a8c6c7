"""Drift of what people ask and of what the model answers: matters, words and languages.

Reads `calls` and `embeddings`; writes `checks` (detectors `embedding`, `terms`, `language`; series `input text` and
`output text`). Runs every hour and looks at every window that is full: 200 to 1,000 sampled texts, about a day's. A
baseline is chosen by itself: the first four windows or more over at least a week, of outputs those of the present
release. A window's p-value becomes an e-value, and Shiryaev and Roberts' recursion adds them up against the
deployment's budget (`monitor/drift/surprise.py`). What moved in inputs is worth a look (`watch`) and no error; answers
that read differently may page. Neither is ever the reason of a retrain.
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from monitor.clock import parse_time
from monitor.drift.surprise import SurpriseDetector
from monitor.jobs.calls import services
from monitor.jobs.job import Window
from monitor.jobs.series import (
    MARKS,
    SETTLE,
    Budget,
    Series,
    Tier,
    began,
    latest,
    read_budget,
)
from monitor.jobs.text_baselines import Baseline, choose_baseline, fitted
from monitor.jobs.text_evidence import evidence_of
from monitor.jobs.text_looks import KINDS, Kind, Look, Vectors
from monitor.jobs.text_reading import Watched
from monitor.jobs.text_sample import HISTORY, Part, SampledText, read_shares

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from monitor.records import CheckRow
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["run"]

log = logging.getLogger(__name__)

STATE_VERSION = 1
PARTS: tuple[Part, ...] = ("input", "output")
PAGES = {("terms", "output")}
"""Detector and part whose drift may wake somebody; all others are only noted."""
TIERS: tuple[Tier, ...] = ("watch", "page")
PRESENT = timedelta(days=1)
"""The release of most calls of this time is the present one."""
MOST_WINDOWS = 20
"""Windows a run and series; a backlog is taken up by the next run."""
LEARNING_S = 10.0
"""Processor time after which a run begins to learn no further baseline: the next run does."""
LEAST_ARL = 50.0
"""Windows between false notes of one series, also where the budget would allow more: a series has a few windows a week,
and one window of p = 0.0001 alone still passes it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A window, what a detector saw in it, and the span of its baseline."""

    window: Sequence[SampledText]
    look: Look
    baseline: Window


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Look at every full window of every service's inputs and outputs."""
    counts: Counter[str] = Counter()
    began_s, until = time.process_time(), window.until - SETTLE
    budget = read_budget(store, settings, now=window.until)
    for service in services(store) if settings.embeddings_per_day else []:
        known = latest(store, service)
        shares = read_shares(store, service, per_day=settings.embeddings_per_day, until=until)
        present = store.rows("release_present", service=service, since=until - PRESENT, until=until)
        if not present:
            continue
        for part in PARTS:
            watched = Watched(
                store, service, part, present[0][0], shares, until,
                settings.embedding_model, settings.data_dir / "texts",
            )  # fmt: skip
            for kind in KINDS:
                before = known.get((kind.name, watched.series))
                may_learn = time.process_time() - began_s < LEARNING_S
                rows = _continue(watched, kind, before, budget, may_learn=may_learn)
                store.append("checks", rows)
                counts["windows"] += sum(row.n > 0 for row in rows)
                counts.update({row.status: 1 for row in rows[-1:]})
    return dict(counts)


def _continue(
    watched: Watched, kind: Kind, before: CheckRow | None, budget: Budget, *, may_learn: bool
) -> list[CheckRow]:
    """A series' rows for the windows that are full by now."""
    state = json.loads(before.state) if before is not None else {}
    if state.get("version") != STATE_VERSION or _another_release(watched, state):
        state = {}
    if "baseline" not in state:
        return _begin(watched, kind, before)
    baseline = Baseline.from_state(state["baseline"])
    reached = max(parse_time(state["reached"]), parse_time(state.get("since", state["reached"])))
    span = Window(reached + timedelta(microseconds=1), watched.until)
    if not watched.may_fill(span, baseline.window):
        return []
    texts = watched.texts(span)
    vectors: Vectors = {}
    if kind.needs_vectors:
        texts, vectors = watched.with_vectors(texts)
    full = list(_windows(texts, baseline.window))
    if not full:
        return []
    try:
        detector = fitted(
            watched.folder, kind, baseline, watched.content(kind, baseline),
            (lambda: watched.learnt_from(kind, baseline)) if may_learn else None,
        )  # fmt: skip
    except ValueError as gone:  # retention or an erasure took too much of the baseline
        missing = f"the baseline's texts are gone ({gone}); a new one is being gathered"
        return [_lacking(watched, kind, full[-1], missing)]
    if detector is None:
        log.info("a text baseline is learnt by a later run", extra={"series": watched.series})
        return []
    rows: list[CheckRow] = []
    for window in full:
        look = kind.look(detector, window, vectors)
        assert look is not None, "windows are as long as the detector asks"
        row = _judge(watched, kind, Seen(window, look, baseline.span), state, budget)
        state = json.loads(row.state)
        rows.append(row)
    return rows


def _another_release(watched: Watched, state: Mapping[str, Any]) -> bool:
    """Whether a series of outputs was learnt on a release that is no longer the present one."""
    kept = state.get("baseline", {}).get("release", watched.release)
    return watched.part == "output" and kept != watched.release


def _begin(watched: Watched, kind: Kind, before: CheckRow | None) -> list[CheckRow]:
    """A baseline, or how far the series is from having one; tried once a day."""
    if (
        before is not None
        and before.status == "insufficient_data"
        and before.timestamp.date() == watched.until.date()
    ):
        return []
    sample = watched.texts(Window(watched.until - HISTORY, watched.until))
    if not sample:
        return []
    texts = watched.embedded(sample) if kind.needs_vectors else sample
    if not texts:
        return [
            _lacking(watched, kind, sample, "no text has an embedding yet: see the job `embed`")
        ]
    release = watched.release if watched.part == "output" else ""
    key = f"{watched.service}/{watched.part}/{kind.name}"
    baseline, lacking = choose_baseline(texts, release=release, key=key)
    if baseline is None:
        return [_lacking(watched, kind, texts, lacking)]
    inside = [one for one in texts if one.timestamp < baseline.until]
    last = inside[-1].timestamp.isoformat()
    state = {
        "version": STATE_VERSION,
        "baseline": baseline.state(),
        "baseline_n": len(inside),
        "per_day": len(inside) / ((baseline.until - baseline.since) / timedelta(days=1)),
        "reached": last,
        "since": last,
        "detector": None,
        "marks": [],
    }
    told = {
        "baseline": [baseline.since.isoformat(), baseline.until.isoformat()],
        "tier": _tier(watched, kind),
    }
    return [_row(watched, kind, inside, status="stable", state=state, evidence=told)]


def _lacking(watched: Watched, kind: Kind, texts: Sequence[SampledText], missing: str) -> CheckRow:
    told = {"missing": missing}
    return _row(watched, kind, texts, status="insufficient_data", state={}, evidence=told)


def _windows(texts: Sequence[SampledText], size: int) -> Iterator[list[SampledText]]:
    """Full windows."""
    for number in range(min(MOST_WINDOWS, len(texts) // size)):
        yield list(texts[number * size : (number + 1) * size])


def _judge(
    watched: Watched, kind: Kind, seen: Seen, state: Mapping[str, Any], budget: Budget
) -> CheckRow:
    """Add a window's evidence to its series."""
    window, look = seen.window, seen.look
    per_week = 7 * state["per_day"] / state["baseline"]["window"]
    watch, page = (max(LEAST_ARL, budget.arl(tier, per_week)) for tier in TIERS)
    threshold = page if _tier(watched, kind) == "page" else watch
    detector = _detector(state, threshold)
    detector.update(look.p_value)
    marks = [*state["marks"], [detector.updates - 1, window[0].timestamp.isoformat()]][-MARKS:]
    told: dict[str, Any] = {"p_value": look.p_value, "tier": _tier(watched, kind), **look.told}
    status = "stable"
    if detector.e_value >= watch:
        pages = _tier(watched, kind) == "page" and detector.e_value >= page
        status = "drift" if pages else "watch"
        told |= evidence_of(
            watched.part, kind.name, window, look, usual=lambda: watched.texts(seen.baseline)
        )
        told["tier"] = "page" if pages else "watch"
        told["started_at"] = began(detector.change_index, marks)
    state = {
        **state,
        "reached": window[-1].timestamp.isoformat(),
        "detector": detector.state(),
        "marks": marks,
    }
    return _row(
        watched, kind, window, status=status, state=state, evidence=told, look=look,
        e_value=detector.e_value, threshold=threshold,
    )  # fmt: skip


def _tier(watched: Watched, kind: Kind) -> Tier:
    """What the series may raise at most."""
    return "page" if (kind.name, watched.part) in PAGES else "watch"


def _detector(state: Mapping[str, Any], arl: float) -> SurpriseDetector:
    """The series' own, at the present budget."""
    kept = state.get("detector")
    return SurpriseDetector.from_state({**kept, "arl": arl}) if kept else SurpriseDetector(arl=arl)


def _row(  # noqa: PLR0913 - one argument a column, all of them by name
    watched: Watched,
    kind: Kind,
    texts: Sequence[SampledText],
    *,
    status: str,
    state: Mapping[str, Any],
    evidence: Mapping[str, Any],
    look: Look | None = None,
    e_value: float = 0.0,
    threshold: float = 0.0,
) -> CheckRow:
    series = Series(
        kind.name,
        watched.series,
        watched.service,
        baseline=look.share_before if look else 0.0,
        baseline_n=look.baseline_n if look else int(state.get("baseline_n", 0)),
    )
    row = series.row(
        start=texts[0].timestamp,
        end=texts[-1].timestamp + timedelta(milliseconds=1),
        release=watched.release if watched.part == "output" else "",
        count=look.count if look else 0,
        n=len(texts) if look else 0,
        status=status,
        e_value=e_value,
        threshold=threshold,
        state=state,
        evidence={"metric": f"{watched.part} {kind.name}", **evidence},
    )
    return replace(row, timestamp=watched.until)
