"""What each judge is worth on each service: its verdicts out of `scores`, beside people's labels and outcomes."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from math import fsum, isnan
from typing import TYPE_CHECKING, Any

from judges.statistics.trust import Judged, Trust, carried, trust
from monitor.judging.pairs import first_of, orders_of, read_details
from monitor.judging.rows import FAILED, NOT_APPLICABLE, Bridge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from judges.statistics.calibration import Transport
    from judges.statistics.rates import Rate
    from monitor.store import Store

__all__ = [
    "ALARM_SHARE",
    "JudgeHealth",
    "Release",
    "VerdictRow",
    "breaks",
    "judge_health",
    "two_valued",
]

ALARM_SHARE = 0.02
"""Share of failed verdicts above which a judge is not to be believed before somebody has looked."""
NOBODY_ANSWERED = ("error", "over_budget")
"""Failures that are not the judge's word: they are counted apart from the invalid share."""


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """One verdict, with what people said of the same call where they did."""

    judge: str
    service: str
    version: str
    model: str
    release: str
    prompt_version: str
    trace_id: str
    span_id: str
    called_at: datetime
    value: float
    """NaN where there is no number; `label` says why."""
    label: str
    probability: float
    cost_usd: float | None
    details: str
    """As of `ScoreRow`."""
    labelled: bool
    label_source: str
    truth: float
    label_probability: float


@dataclass(frozen=True, slots=True)
class Release:
    """Whether the judge means on one release and prompt version what it meant on those before."""

    release: str
    prompt_version: str
    first_call: datetime
    judged: int
    transport: Transport


@dataclass(frozen=True, slots=True)
class JudgeHealth:
    """One version of one judge on one service, in one span of time."""

    service: str
    judge: str
    version: str
    """Hash of all that makes its verdicts what they are; `scores.author` is `model/version`."""
    model: str
    """That gave most of its verdicts; several, joined by `+`, of a jury."""
    latest: bool
    """It is the version that judged last."""
    first_call: datetime
    last_call: datetime
    trust: Trust
    outcomes: int
    """Labels among `trust.n` that outcomes gave, not people."""
    failures: Mapping[str, int]
    """Calls without a number, by why: `invalid_output`, `refused`, `error`, `over_budget`, `not_applicable`."""
    cost_usd: float | None
    """What its verdicts cost; None where one of them has no known price."""
    releases: tuple[Release, ...]
    """In order of their first call."""
    breaks: tuple[Bridge, ...]
    """Of this judge, the oldest first."""
    first: Rate | None = None
    """Of a judge of pairs: how often the answer that was shown first won, ties left out; half is fair."""
    own_family: int = 0
    """Verdicts on answers of the judging model's own family."""

    @property
    def alarming(self) -> bool:
        """More than `ALARM_SHARE` of what it was asked came back as no verdict."""
        return self.trust.invalid_share > ALARM_SHARE


@dataclass(frozen=True, slots=True)
class TwoLabels:
    """What several people said of one call."""

    name: str
    service: str
    values: list[float]


def judge_health(
    store: Store,
    *,
    since: datetime,
    until: datetime,
    service: str = "",
    labels: Mapping[str, Sequence[str]] | None = None,
) -> list[JudgeHealth]:
    """Every judge version that has verdicts on calls of the span, by service and judge, the latest first.

    Args:
        store: the store.
        since: first call.
        until: end of the calls.
        service: one service alone; '' for all.
        labels: by judge, names of labels and outcomes that say what it judges, beside its own name.
    """
    period: dict[str, Any] = {"service": service, "since": since, "until": until}
    pairs = [f"{judge}/{name}" for judge, names in (labels or {}).items() for name in names]
    groups: dict[tuple[str, str], dict[str, list[VerdictRow]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in store.read("verdicts_with_labels", VerdictRow, pairs=pairs, **period):
        groups[row.service, row.judge][row.version].append(row)
    people: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for one in store.read("labels_by_person", TwoLabels, **period):
        people[one.service, one.name].append((two_valued(one.values[0]), two_valued(one.values[1])))
    crossed = breaks(store)
    found = []
    for (of_service, judge), versions in sorted(groups.items()):
        newest = max(versions, key=lambda version: versions[version][-1].called_at)
        names = {judge, *(labels or {}).get(judge, ())}
        twice = [pair for name in sorted(names) for pair in people[of_service, name]]
        mine = tuple(one for one in crossed if one.judge == judge)
        health = [
            _health(rows, twice, mine, latest=version == newest)
            for version, rows in versions.items()
        ]
        found += sorted(health, key=lambda one: one.last_call, reverse=True)
    return found


def breaks(store: Store, judge: str = "") -> list[Bridge]:
    """Where a judge's series (of all judges, without a name) is broken, and by how much: for charts."""
    return store.read("bridges_of_judge", Bridge, judge=judge)


def _health(
    rows: Sequence[VerdictRow],
    people: Sequence[tuple[float, float]],
    crossed: tuple[Bridge, ...],
    *,
    latest: bool,
) -> JudgeHealth:
    failures = Counter(
        row.label for row in rows if isnan(row.value) and row.label in (*FAILED, NOT_APPLICABLE)
    )
    invalid = sum(
        count
        for label, count in failures.items()
        if label != NOT_APPLICABLE and label not in NOBODY_ANSWERED
    )
    numbers = [row for row in rows if not isnan(row.value)]
    said = [told for row in numbers if (told := read_details(row.label, row.details))]
    models = Counter(row.model for row in rows if row.model != "-")
    costs = [row.cost_usd for row in rows if row.label != "over_budget"]
    return JudgeHealth(
        service=rows[0].service,
        judge=rows[0].judge,
        version=rows[0].version,
        model=max(models, key=lambda name: models[name], default=""),
        latest=latest,
        first_call=rows[0].called_at,
        last_call=rows[-1].called_at,
        trust=trust(_judged(numbers), failed=invalid, people=people, orders=orders_of(said)),
        outcomes=sum(row.labelled and row.label_source == "outcome" for row in numbers),
        failures=dict(failures),
        cost_usd=None if None in costs else fsum(cost for cost in costs if cost is not None),
        releases=tuple(_releases(numbers)),
        breaks=crossed,
        first=first_of(said),
        own_family=sum(one.own_family for one in said),
    )


def _releases(rows: Sequence[VerdictRow]) -> Iterable[Release]:
    """Each release and prompt version, checked against the calls of those before it."""
    groups: dict[tuple[str, str], list[VerdictRow]] = defaultdict(list)
    for row in rows:
        groups[row.release, row.prompt_version].append(row)
    before: list[VerdictRow] = []
    for (release, prompt_version), members in groups.items():  # in order of the first call
        yield Release(
            release=release,
            prompt_version=prompt_version,
            first_call=members[0].called_at,
            judged=len(members),
            transport=carried(_judged(before), _judged(members)),
        )
        before += members


def _judged(rows: Iterable[VerdictRow]) -> list[Judged]:
    return [
        Judged(
            value=row.value,
            probability=row.probability,
            label=two_valued(row.truth) if row.labelled else None,
            label_probability=row.label_probability or 1.0,
        )
        for row in rows
    ]


def two_valued(value: float) -> float:
    """A thumbs-down is told as -1."""
    return 0.0 if value == -1 else value
