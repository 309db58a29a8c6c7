"""Each view's questions as the views ask them, with the time, the rows and the bytes of each."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psutil
from clickhouse_connect.driver.exceptions import ClickHouseError

from dashboards.filters import Filters, bucket_s, time_range
from dashboards.search import Search, parse_search
from monitor.store import Store
from monitor.store.client import question

__all__ = ["LIMIT_MS", "Asked", "ask", "p95_of"]

LIMIT_MS = 300
PACKAGE = "dashboards.questions"
INDEXED = ("call_list", "trace_spans", "trace_scores")
"""Questions that skip indexes serve."""
FIRST_STEP = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What one question took."""

    name: str
    cold_ms: float
    p50_ms: float
    p95_ms: float
    cpu_ms: float
    rows: int
    bytes: int
    without_ms: float | None
    """Without sums and indexes; None where there is nothing to compare with, NaN where it ran out of memory."""
    without_rows: int

    def __str__(self) -> str:
        """A line of the table."""
        without = f"{'':24}"
        if self.without_ms is not None:
            without = f"{self.without_ms:12,.0f}{self.without_rows:12,}"
        return (
            f"{self.name:34}{self.cold_ms:9,.0f}{self.p50_ms:8,.0f}{self.p95_ms:8,.0f}{self.cpu_ms:8,.0f}"
            f"{self.rows:11,}{self.bytes / 1e6:8.1f}{without}{'  over' if self.p95_ms > LIMIT_MS else ''}"
        )


def ask(
    store: Store, now: datetime, *, pid: int, warm: int, compare: bool, only: str = ""
) -> Iterator[Asked]:
    """Ask everything, one after the other."""
    for name, (what, given) in _questions(store, now).items():
        if only not in name:
            continue
        yield _asked(store, name, what, given, pid=pid, warm=warm, compare=compare)


def _questions(store: Store, now: datetime) -> dict[str, tuple[str, dict[str, object]]]:
    found: dict[str, tuple[str, dict[str, object]]] = {"extent": ("extent", {})}
    service = store.value("busiest_service", package="benchmarks.dashboards.sql")
    week, all_time = time_range("7d", now), (now - timedelta(days=70), now + timedelta(hours=1))
    for label, stretch in (("7 days", week), ("all", all_time)):
        plain = Filters(*stretch)
        for facet, filters in (
            ("", plain),
            (" tag", Filters(*stretch, tag_key="tenant", tag_value="tenant-3")),
            (" model", Filters(*stretch, model="gpt-5-mini")),
        ):
            given = filters.parameters()
            bars = {"bucket_s": bucket_s(*stretch)}
            found[f"services, {label}{facet}"] = ("services", given)
            found[f"traffic, {label}{facet}"] = ("traffic", {**given, **bars})
            found[f"call_count, {label}{facet}"] = ("call_count", given)
        found[f"releases, {label}"] = ("releases", plain.parameters())
        found[f"quality, {label}"] = ("quality", plain.parameters())
        found[f"quality_over_time, {label}"] = (
            "quality_over_time",
            {**plain.parameters(), "bucket_s": bucket_s(*stretch, most=30)},
        )
        found[f"facets, {label}"] = (
            "facets",
            {"since": stretch[0], "until": stretch[1], "service": service},
        )
    return {**found, **_lists(store, now)}


def _lists(store: Store, now: datetime) -> dict[str, tuple[str, dict[str, object]]]:
    last = min(now, store.rows("extent", package=PACKAGE)[0][2])
    recent, older = Filters(last - FIRST_STEP, last), Filters(last - timedelta(days=70), last)
    [[trace, session, user]] = store.rows("one_call", package="benchmarks.dashboards.sql")
    found: dict[str, tuple[str, dict[str, object]]] = {}
    for label, filters, line in (
        ("newest hour", recent, ""),
        ("newest hour, text", recent, "mortgage"),
        ("newest hour, JSON field", recent, "output.amount:1200"),
        ("newest hour, latency and error", recent, "latency>800 status:error"),
        ("one trace of 60 days", older, f"trace:{trace}"),
        ("one session of 60 days", older, f"session:{session}"),
        ("one user of 60 days", older, f"user:{user}"),
        ("failed score, newest hour", recent, "score:faithful"),
    ):
        search: Search = parse_search(line)
        given = {**filters.parameters(), **search.parameters(), "how_many": 201}
        found[f"call_list, {label}"] = ("call_list", given)
    found["trace_spans"] = ("trace_spans", {"trace_id": trace, "how_many": 20_000})
    found["trace_scores"] = ("trace_scores", {"trace_id": trace, "session_id": session})
    found["detectors"] = ("detectors", {"service": "", "until": now})
    found["score_names"] = ("score_names", {})
    found["job_summary"] = ("job_summary", {"since": now - timedelta(days=7), "until": now})
    return found


def _asked(
    store: Store,
    name: str,
    what: str,
    given: Mapping[str, object],
    *,
    pid: int,
    warm: int,
    compare: bool,
) -> Asked:
    text = question(what, PACKAGE)
    cold, rows, many = _once(store, text, given)
    before = _cpu_s(pid)
    times = [_once(store, text, given)[0] for _ in range(warm)] or [cold]
    cpu_ms = (_cpu_s(pid) - before) * 1000 / len(times)
    alone, alone_rows = _without(store, what, text, given) if compare else (None, 0)
    p95 = p95_of(times)
    return Asked(name, cold, statistics.median(times), p95, cpu_ms, rows, many, alone, alone_rows)


def p95_of(times: list[float]) -> float:
    """The 95 % quantile of some times."""
    return statistics.quantiles(times, n=20, method="inclusive")[18] if len(times) > 1 else times[0]


def _without(
    store: Store, what: str, text: str, given: Mapping[str, object]
) -> tuple[float | None, int]:
    """The time and rows of the same answer without the sums or indexes that serve it."""
    direct = text.replace("step_s = 3600", "step_s = 1800")
    indexed = what in INDEXED
    if direct == text and not indexed:
        return None, 0
    try:
        took, rows, _ = _once(store, direct, given, {"use_skip_indexes": 0} if indexed else {})
    except ClickHouseError:  # more memory than a question may have
        return float("nan"), 0
    return took, rows


def _cpu_s(pid: int) -> float:
    return sum(psutil.Process(pid).cpu_times()[:2]) if pid else 0.0


def _once(
    store: Store,
    text: str,
    given: Mapping[str, object],
    settings: Mapping[str, int] | None = None,
) -> tuple[float, int, int]:
    bound = {
        key: value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        if isinstance(value, datetime)
        else value
        for key, value in given.items()
    }
    began = time.perf_counter()
    result = store.client.query(text, parameters=bound, settings=dict(settings or {}))
    took = (time.perf_counter() - began) * 1000
    return took, int(result.summary["read_rows"]), int(result.summary["read_bytes"])
