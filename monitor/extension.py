"""Your own series and detectors, watched like the built-in ones: `docs/extending.md`.

A series is a function (or a SQL file) that counts failures and looks by service and hour; a detector is a class that is
told them hour by hour. Both are found in the files of `<data dir>/extensions` and among the entry points
`outerloop.series` and `outerloop.detectors`.
"""

from __future__ import annotations

import importlib.util
import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from monitor.drift import RateDetector

if TYPE_CHECKING:
    from monitor.drift import Baseline
    from monitor.jobs.job import Window
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = [
    "BUILT_IN",
    "FOLDER",
    "Extensions",
    "Hour",
    "OwnDetector",
    "OwnSeries",
    "StreamingDetector",
    "detector",
    "load_extensions",
    "series",
]

log = logging.getLogger(__name__)
FOLDER = "extensions"
"""In the data directory: Python files that the scheduler reads at every run."""
SERIES_GROUP, DETECTORS_GROUP = "outerloop.series", "outerloop.detectors"
BUILT_IN = "own_rate"
"""The detector of a series that names none: the mixture Shiryaev-Roberts e-detector."""


@dataclass(frozen=True, slots=True)
class Hour:
    """Failures among looks of one service in one hour.

    Raises:
        ValueError: says what is wrong with it.

    >>> Hour("shop", datetime(2024, 5, 1, 12, tzinfo=UTC), count=3, n=2)
    Traceback (most recent call last):
    ValueError: 3 of 2: count and n must be whole numbers with 0 <= count <= n
    """

    service: str
    hour: datetime
    """The hour's first moment, aware."""
    count: int
    n: int

    def __post_init__(self) -> None:
        if not all(isinstance(value, int) for value in (self.count, self.n)) or not (
            0 <= self.count <= self.n
        ):
            raise ValueError(
                f"{self.count} of {self.n}: count and n must be whole numbers with 0 <= count <= n"
            )
        if (
            self.hour.tzinfo is None
            or self.hour.replace(minute=0, second=0, microsecond=0) != self.hour
        ):
            raise ValueError(
                f"{self.hour} is no hour; give its first moment with a time zone, as toStartOfHour(…, 'UTC') does"
            )


class StreamingDetector(Protocol):
    """What the job needs of a detector; `monitor.detector_contract` tests it."""

    @property
    def drift_detected(self) -> bool:
        """Whether it alarms after the latest update."""

    @property
    def e_value(self) -> float:
        """Its evidence, to be held against the `arl` it was made with."""

    def update(self, count: int, n: int, p: float) -> None:
        """Take an hour: `count` failures in `n` looks, where the baseline would expect the share `p` at most."""

    def state(self) -> dict[str, Any]:
        """Everything that the next process needs, as JSON-able values with a version."""

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The detector that gave this state."""


@dataclass(frozen=True, slots=True)
class OwnDetector:
    """A detector's class under its name."""

    name: str
    make: Callable[[Baseline, float], StreamingDetector]
    """From a baseline, and the updates between false alarms that it must keep to."""
    restore: Callable[[Mapping[str, Any]], StreamingDetector]


@dataclass(frozen=True, slots=True)
class OwnSeries:
    """A series' counts under its name."""

    name: str
    count: Callable[[Store, Window], Iterable[Hour]] = field(repr=False)
    """Every hour of every service in the window."""
    detector: str = BUILT_IN


@dataclass(frozen=True, slots=True)
class Extensions:
    """All that was found, and what could not be read."""

    series: tuple[OwnSeries, ...]
    detectors: Mapping[str, OwnDetector]
    problems: tuple[str, ...]
    """A sentence for each file or entry point that could not be read."""


def series(name: str, *, sql: Path | None = None, detector: str = BUILT_IN) -> Any:
    """Turn a function `(store, window) -> hours` into a series, or make one of a SQL file.

    The file answers with the columns service, hour, count, n and takes the parameters since and until.

    >>> @series("refunds")
    ... def refunds(store, window):
    ...     return []
    >>> refunds.name, refunds.detector
    ('refunds', 'own_rate')
    """
    if not name or any(sign in name for sign in "[]"):
        raise ValueError(f"{name!r} is no name of a series; use letters, digits, -, _ and /")
    if sql is None:
        return lambda function: OwnSeries(name, function, detector)

    def count(store: Store, window: Window) -> list[Hour]:
        period = {
            edge: moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
            for edge, moment in (("since", window.since), ("until", window.until))
        }
        answer = store.client.query(sql.read_text("utf-8"), parameters=period)
        return [
            Hour(**dict(zip(answer.column_names, row, strict=True))) for row in answer.result_rows
        ]

    return OwnSeries(name, count, detector)


def detector(name: str) -> Callable[[Any], OwnDetector]:
    """Turn a class into a detector: `__init__(baseline, arl)` and what `StreamingDetector` asks for."""
    return lambda kind: OwnDetector(name, kind, kind.from_state)


def _built_in() -> OwnDetector:
    return OwnDetector(
        BUILT_IN,
        lambda baseline, arl: RateDetector(p0=baseline.p0, arl=arl),
        RateDetector.from_state,
    )


def load_extensions(settings: Settings) -> Extensions:
    """Everything that files and installed packages offer; what cannot be read is a problem, not an end."""
    found: list[object] = []
    problems = []
    for path in sorted((settings.data_dir / FOLDER).glob("*.py")):
        try:
            found += _of_file(path)
        except Exception as error:  # noqa: BLE001 - anybody's code; the others still count
            problems.append(f"{path.name} cannot be read: {type(error).__name__}: {error}")
    for group in (SERIES_GROUP, DETECTORS_GROUP):
        for point in entry_points(group=group):
            try:
                found.append(point.load())
            except Exception as error:  # noqa: BLE001 - anybody's package; the others still count
                problems.append(f"entry point {point.name}: {type(error).__name__}: {error}")
    detectors = {BUILT_IN: _built_in()}
    detectors |= {one.name: one for one in found if isinstance(one, OwnDetector)}
    named = {one.name: one for one in found if isinstance(one, OwnSeries)}
    problems += [
        f"series {one.name} names the detector {one.detector}, which is not there"
        for one in named.values()
        if one.detector not in detectors
    ]
    usable = tuple(one for one in named.values() if one.detector in detectors)
    return Extensions(usable, detectors, tuple(problems))


def _of_file(path: Path) -> list[object]:
    spec = importlib.util.spec_from_file_location(f"outerloop_extension_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError("it is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [value for _, value in inspect.getmembers(module, _is_extension)]


def _is_extension(value: object) -> bool:
    return isinstance(value, OwnSeries | OwnDetector)
