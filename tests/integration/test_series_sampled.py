"""A sender that keeps a share of its calls and all that are slow: every series is of the share alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from monitor.records import ScoreRow
from monitor.store import Store
from monitor.watching.learning import Span, find_cast
from monitor.watching.metrics import Cast
from monitor.watching.reading import Key, Period, hour_number, read_hours

pytestmark = pytest.mark.integration
START = datetime(2024, 3, 4, tzinfo=UTC)
HOUR = hour_number(START)
SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Kept:
    """A call that was sent, and with which probability calls like it are."""

    timestamp: datetime
    trace_id: str
    span_id: str
    service: str
    status: str
    duration_ms: float
    sampling_probability: float


def kept(n: int) -> list[Kept]:
    """Every fifth call is slow and sent; of the others those that the share draws by their trace id."""
    made = []
    for number in range(n):
        randomness = (number * 0x9E3779B97F4A7C15) % 2**56
        slow, within = number % 5 == 0, randomness >= (1 - SHARE) * 2**56
        if slow or within:
            made.append(
                Kept(
                    START + timedelta(seconds=number % 3600), f"{1:018x}{randomness:014x}", f"{number:016x}",
                    "shop", "ok", 9_000.0 if slow else 100.0, 1.0 if slow else SHARE,
                )
            )  # fmt: skip
    return made


def score(one: Kept, name: str, source: str) -> ScoreRow:
    """Slow answers are bad ones."""
    return ScoreRow(
        one.timestamp, f"{name}-{one.span_id}", "call", one.trace_id, one.span_id, "", "shop",
        name, source, float(one.duration_ms < 1_000), "", "", "", "app", one.timestamp,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "clock", "source"),
    [("check/json_valid", "told", "check"), ("outcome/resolved", "late", "outcome")],
)
def test_scores_are_those_of_the_share(store: Store, metric: str, clock: str, source: str) -> None:
    """A fifth of all calls is bad; among those that were sent it would be half."""
    made = kept(4_000)
    store.append("calls", made)
    store.append("scores", [score(one, metric.split("/")[1], source) for one in made])
    count, n = _only(store, (metric, ""), clock)
    uniform = [one for one in made if int(one.trace_id[-14:], 16) >= (1 - SHARE) * 2**56]
    assert n == len(uniform) < len(made)
    assert count == sum(one.duration_ms > 1_000 for one in uniform)
    assert count / n == pytest.approx(0.2, abs=0.03)


def test_quantiles_are_those_of_the_share(store: Store) -> None:
    """Half of what was sent is slow; the median of all calls is not."""
    store.append("calls", kept(4_000))
    cast = find_cast(store, Span(HOUR, HOUR + 1, ""), "shop", None)
    median, *high = cast.thresholds["duration_ms"]
    assert median < 1_000 < min(high)


def _only(store: Store, key: Key, clock: str) -> tuple[int, int]:
    hours = read_hours(store, Period("shop", HOUR, HOUR + 1), Cast(), clock=clock)  # type: ignore[arg-type]  # parametrised
    [counted] = hours[key].values()
    return counted
