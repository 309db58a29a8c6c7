"""A seeded store for the judges' and evals' pages: two versions of a judge, people's labels, three runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from judges.interaction import Interaction, JudgeFailure, Judgement, NotApplicable, Usage, Verdict
from monitor.evaluation.rows import RunLabel, row_of
from monitor.judging.verdicts import details_of
from monitor.records import ScoreRow
from monitor.store import Store

HOSTILE = "<script>document.title='owned'</script> ![x](http://127.0.0.1:9/x) \x1b[31m :red[x] $x$"
NEW_RUN, OLD_RUN, LABEL_RUN = "ev-new", "ev-old", "ev-labels"


def seed_evaluations(store: Store, now: datetime, *, seed: int = 3) -> None:
    """Two runs of the same 60 samples, the newer better; one of labels."""
    rng = np.random.default_rng(seed)
    before = rng.random(60) < 0.7
    after = before | (rng.random(60) < 0.6)
    for run_id, at, right in (
        (OLD_RUN, now - timedelta(hours=5), before),
        (NEW_RUN, now - timedelta(hours=1), after),
    ):
        label = RunLabel(run_id, at, "cases.jsonl", "0123456789ab", f"prompt {run_id[3:]}")
        rows = []
        for number, good in enumerate(right):
            sample = _sample(number, now, good=bool(good))
            rows.append(row_of(label, sample, _date_verdict(number, good=bool(good))))
            value = float(np.clip(rng.normal(0.8 if good else 0.4, 0.1), 0, 1))
            rows.append(
                row_of(label, sample, Judgement("fields", round(value, 3), "", "", "f0f0f0f0f0f0"))
            )
        store.append("evaluations", rows)
    label = RunLabel(LABEL_RUN, now - timedelta(days=2), "kinds.csv", "ba9876543210")
    told = [Judgement("kind", "ABC"[n % 3], "ABC"[n % 3], "", "abcabcabcabc") for n in range(30)]
    store.append(
        "evaluations",
        [row_of(label, _sample(n, now, good=True), one) for n, one in enumerate(told)],
    )


def _sample(number: int, now: datetime, *, good: bool) -> Interaction:
    day = f"{2024 if good else 2023}-01-{number % 28 + 1:02}"
    asked = f"Payment {number} is due on January {number % 28 + 1}."
    return Interaction(
        "", f"case-{number:02}", now, HOSTILE if number == 7 else asked, f'{{"due_date": "{day}"}}',
        expected=f'{{"due_date": "2024-01-{number % 28 + 1:02}"}}', model="extractor",
    )  # fmt: skip


def _date_verdict(number: int, *, good: bool) -> Verdict:
    usage = Usage("gpt-5-mini", 620, 40, 0.00024, 1, 0, 800 + 10 * number)
    name, version = "right_date", "d1d1d1d1d1d1"
    if number in (11, 23):
        return JudgeFailure(name, version, "unreadable reply", "maybe", "invalid_output", usage)
    if number == 30:
        return NotApplicable(name, "no date is asked for", version, usage)
    reason = "the year fits the call" if good else "the year is 2023, the call is of 2024"
    raw = '{"verdict": "yes"}' if good else '{"verdict": "no"}'
    return Judgement(name, good, "yes" if good else "no", reason, version, usage, raw)


def seed_verdicts(store: Store, service: str) -> None:
    """A judge's verdicts on the good calls, the last third by a newer version; every fourth labelled."""
    found = store.client.query(
        "SELECT timestamp, trace_id, span_id FROM calls FINAL WHERE service = {service:String}"
        " AND status = 'ok' AND trace_id LIKE 't-0%' ORDER BY timestamp",
        parameters={"service": service},
    ).result_rows
    calls = [(row[0], row[1], row[2]) for row in found]
    rng = np.random.default_rng(11)
    rows = []
    for number, (at, trace, span) in enumerate(calls):
        bad = rng.random() < 0.08
        says_bad = (rng.random() < 0.8) if bad else (rng.random() < 0.04)
        version = (
            "gpt-5-mini/bbbbbbbbbbbb" if number > len(calls) * 2 / 3 else "gpt-5-mini/aaaaaaaaaaaa"
        )
        failed = number % 50 == 0
        rows.append(
            _score(at, trace, span, service, "judge", float("nan") if failed else float(not says_bad),
                   label="invalid_output" if failed else "no" if says_bad else "yes",
                   author=version, probability=0.3 if says_bad else 0.2, cost=0.0003)
        )  # fmt: skip
        if number % 4 == 0:
            rows.append(
                _score(at, trace, span, service, "human", float(not bad), author="ann", cost=None)
            )
    store.append("scores", [*rows, *_pairs(calls[:120], service, rng)])


def _pairs(
    calls: list[tuple[datetime, str, str]], service: str, rng: np.random.Generator
) -> list[ScoreRow]:
    """Verdicts of a judge of pairs that likes what it is shown first, every third asked in both orders."""
    rows = []
    for number, (at, trace, span) in enumerate(calls):
        order = "given" if rng.random() < 0.5 else "swapped"
        first = rng.random() < 0.65
        label = "better" if first == (order == "given") else "worse"
        details: dict[str, bool | float | str] = {}
        if number % 3 == 0:
            consistent = bool(rng.random() < 0.7)
            other = label if consistent else {"better": "worse", "worse": "better"}[label]
            details = {"other_order": other, "consistent": consistent}
        if number % 10 == 0:
            details["own_family"] = True
        verdict = Judgement(
            "fuller",
            float(label == "better"),
            label,
            "",
            "cccccccccccc",
            order=order,
            details=details,
        )
        row = _score(at, trace, span, service, "judge", float(label == "better"),
                     label=label, author="gpt-5-mini/cccccccccccc", probability=0.2, cost=0.0006)  # fmt: skip
        rows.append(
            replace(
                row, name="fuller", score_id=f"{row.score_id}:fuller", details=details_of(verdict)
            )
        )
    return rows


def _score(
    at: datetime,
    trace: str,
    span: str,
    service: str,
    source: str,
    value: float,
    *,
    author: str,
    cost: float | None,
    label: str = "",
    probability: float = 1.0,
) -> ScoreRow:
    return ScoreRow(
        timestamp=at, score_id=f"{source}:right_date:{trace}:{span}:{author}", target="call", trace_id=trace,
        span_id=span, session_id="", service=service, name="right_date", source=source, value=value, label=label,
        explanation="", expected="", author=author, observed_at=at, sampling_probability=probability, cost_usd=cost,
    )  # fmt: skip
