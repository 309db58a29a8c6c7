"""What the drift page shows beyond `dashboard_seed`: vectors, learnt date fields, series of every kind, and slips."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from dashboard_seed import FIRST, NOW, RELEASE, SERVICE, TURN, CallRow, _messages, _score

from monitor.drift import DateProfile
from monitor.jobs.dates import DateField
from monitor.jobs.series import Series
from monitor.records import CheckRow
from monitor.store import Store

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
NEW_TEXTS = 70
SLIPS = 12
ERROR_SERIES, HOSTILE_SERIES = "call/error", "call/error [tag tenant=<b>evil</b>]"


@dataclass(frozen=True, slots=True)
class EmbeddingRow:
    """One row of `embeddings`."""

    timestamp: datetime
    service: str
    trace_id: str
    span_id: str
    part: str
    model: str
    text_hash: int
    vector: list[float]
    sampling_probability: float = 1.0


def seed_drift(store: Store, *, calls: int = 600) -> None:
    """Fill what `seed` left out; `calls` is how many that one made."""
    rng = np.random.default_rng(11)
    new = [_new_call(number, rng) for number in range(NEW_TEXTS)]
    store.append("calls", new)
    store.append("embeddings", [*_vectors(store, rng, calls), *_new_vectors(new, rng)])
    store.append("checks", [*_learnt(rng), *_rates(rng), *_texts(new), *_descriptors(rng)])
    store.append("scores", _slips(new))


def _new_call(number: int, rng: np.random.Generator) -> CallRow:
    """A kind of call that nobody made before the turn; some of them slip."""
    moment = TURN + timedelta(minutes=70 * number + int(rng.integers(60)))
    due = (moment + timedelta(days=int(rng.integers(5, 25)))).date()
    said = due.replace(year=2023) if number < SLIPS else due
    text = f"My employer closed, I ask for hardship relief on the loan {number}; next payment {due:%B} {due.day}."
    return CallRow(
        moment,
        f"n-{number:04d}",
        f"n-{number:04d}-b",
        SERVICE,
        input_messages=_messages("user", text),
        output_messages=_messages(
            "assistant",
            json.dumps({"borrower": "New", "due_date": said.isoformat(), "amount_usd": 2400}),
        ),
        tags={"tenant": "acme"},
    )


def _vectors(store: Store, rng: np.random.Generator, calls: int) -> list[EmbeddingRow]:
    rows = store.client.query(
        "SELECT timestamp, trace_id, span_id FROM calls FINAL WHERE service = 'loan-extractor' AND trace_id LIKE 't-0%'"
        f" ORDER BY trace_id LIMIT {calls}"
    ).result_rows
    topics = rng.normal(size=(3, 24))
    return [
        EmbeddingRow(
            moment, SERVICE, trace, span, part, MODEL, number,
            (topics[number % 3] + rng.normal(0, 0.35, 24)).tolist(),
        )
        for number, (moment, trace, span) in enumerate(rows)
        for part in ("input", "output")
    ]  # fmt: skip


def _new_vectors(new: list[CallRow], rng: np.random.Generator) -> list[EmbeddingRow]:
    topic = rng.normal(size=24)
    return [
        EmbeddingRow(
            one.timestamp, SERVICE, one.trace_id, one.span_id, "input", MODEL, 10_000 + number,
            (topic + rng.normal(0, 0.3, 24)).tolist(),
        )
        for number, one in enumerate(new)
    ]  # fmt: skip


def _learnt(rng: np.random.Generator) -> list[CheckRow]:
    """The date field, as `temporal` learnt it, and where its detectors stand."""
    profile = DateProfile.fit(rng.integers(5, 25, 3000).tolist())
    of = DateField("due_date", profile, None, None, {"year_slip": 6}, 3000, 3000.0)
    when = {
        "start": FIRST - timedelta(days=7),
        "end": FIRST,
        "release": RELEASE,
        "status": "stable",
    }
    told = {"tier": "page", "started_at": TURN.isoformat(), "ahead": True}
    return [
        Series("date_profile", f"{SERVICE}/due_date", SERVICE, "due_date", 0.002, 3000, of.state()).row(
            count=6, n=3000, **when
        ),
        Series("rollover", f"{SERVICE}/due_date", SERVICE, "due_date", 0.001, 3000).row(
            start=NOW - timedelta(hours=1), end=NOW, release=RELEASE, count=3, n=60,
            status="drift", e_value=4.2e6, threshold=40_000, evidence=told,
        ),
        Series("month_slip", f"{SERVICE}/due_date", SERVICE, "due_date", 0.001, 3000).row(
            start=NOW - timedelta(hours=1), end=NOW, release=RELEASE, count=0, n=60,
            status="stable", e_value=0.4, threshold=40_000, evidence={"tier": "watch"},
        ),
    ]  # fmt: skip


def _rates(rng: np.random.Generator) -> list[CheckRow]:
    """An error rate that is healthy, its hostile slice, and one that still learns."""
    rows = []
    for hour in range(int((NOW - FIRST) / timedelta(hours=1))):
        end = FIRST + timedelta(hours=hour + 1)
        for name, n in ((ERROR_SERIES, 120), (HOSTILE_SERIES, 40)):
            rows.append(
                Series("rate", name, SERVICE, baseline=0.008, baseline_n=9000).row(
                    start=end - timedelta(hours=1), end=end, release=RELEASE,
                    count=int(rng.binomial(n, 0.008)), n=n, status="stable",
                    e_value=float(rng.lognormal(1.5, 1.0)), threshold=21_504,
                    evidence={"metric": "call/error", "needed": 4321, "baseline_release": RELEASE},
                )
            )  # fmt: skip
    rows.append(
        Series("rate", "score/thumbs", SERVICE).row(
            start=FIRST, end=NOW, release=RELEASE, count=0, n=0, status="insufficient_data",
            evidence={"missing": "a baseline needs 500 scores over 7 days; there are 40 over 2.0"},
        )
    )  # fmt: skip
    return rows


def _texts(new: list[CallRow]) -> list[CheckRow]:
    """The embedding detector's windows: quiet, then surprised."""
    rows = []
    for number, p_value in enumerate((0.61, 0.24, 0.83, 0.002, 0.0004)):
        end = FIRST + timedelta(days=number + 1)
        moved = p_value < 0.01
        told = {"p_value": p_value, "metric": "input embedding"}
        if moved:
            told |= {
                "tier": "watch",
                "says": "12.0 % of 200 inputs gather where 0.4 % did: “hardship”, “employer”.",
                "words": ["hardship", "employer"],
                "started_at": (TURN + timedelta(hours=2)).isoformat(),
                "examples": [
                    {
                        "trace_id": one.trace_id,
                        "span_id": one.span_id,
                        "timestamp": one.timestamp.isoformat(),
                    }
                    for one in new[:3]
                ],
            }
        rows.append(
            Series("embedding", "input text", SERVICE, baseline=0.004, baseline_n=1400).row(
                start=end - timedelta(days=1), end=end, release="", count=24 if moved else 1, n=200,
                status="watch" if moved and number == 4 else "stable",
                e_value=(0.9, 1.6, 0.8, 18.0, 410.0)[number], threshold=200.0, evidence=told,
            )
        )  # fmt: skip
    return rows


def _descriptors(rng: np.random.Generator) -> list[CheckRow]:
    rows = []
    for day in range(5):
        end = FIRST + timedelta(days=day + 1)
        for name, mean in (("input/characters", 92.0), ("output/words", 9.0)):
            row = Series("descriptor", f"{SERVICE}/{name}", SERVICE).row(
                start=end - timedelta(days=1), end=end, release="", count=0, n=120, status="stable",
                evidence={"watched": False},
            )  # fmt: skip
            effect = mean + float(rng.normal(0, 0.5))
            rows.append(replace(row, effect=effect, low=effect - 1, high=effect + 1))
    return rows


def _slips(new: list[CallRow]) -> list[object]:
    rows = []
    for one in new[:SLIPS]:
        answer = json.loads(json.loads(one.output_messages)[0]["parts"][0]["content"])
        row = _score(
            one, "year_slip", "check", 0.0, one.timestamp,
            explanation=f"due_date is {answer['due_date']}, 1 year off", author="year_slip/1",
        )  # fmt: skip
        rows.append(
            replace(
                row,
                score_id=f"year_slip:due_date:{one.trace_id}:{one.span_id}",
                label=answer["due_date"],
            )
        )
    return rows
