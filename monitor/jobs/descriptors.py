"""How texts look from outside, day by day: Evidently's descriptors of inputs and outputs.

Reads `calls` (a sample of each service's day); writes `checks` (detector `descriptor`): mean and its 95 % interval of
characters, words, sentences and share of non-letters. Runs once a day; without Evidently (extra `reports`) it is
skipped. These series are to look at: they have no threshold and never alarm, because what they would say is said
earlier and with a known rate of false alarms by the embedding and term detectors.
"""

from __future__ import annotations

from datetime import timedelta
from math import sqrt
from typing import TYPE_CHECKING

from monitor.jobs.calls import services
from monitor.jobs.job import Window
from monitor.records import CheckRow
from monitor.report.frames import Columns, read_calls
from monitor.report.library import describe
from monitor.report.library import missing as evidently_missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from monitor.settings import Settings
    from monitor.store import Store

DAY = timedelta(days=1)
DETECTOR = "descriptor"
SAMPLED = 500
"""Calls of a day that are described: the mean of a length is then known within some 5 %."""
LEAST = 30


def missing(settings: Settings) -> str | None:
    """What the job lacks."""
    del settings
    return evidently_missing()


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Describe the last whole day of every service."""
    del settings
    until = window.until.replace(hour=0, minute=0, second=0, microsecond=0)
    day = Window(until - DAY, until)
    rows = []
    for service in services(store):
        frame = read_calls(store, service, day, most=SAMPLED)
        texts = tuple(name for name in ("input", "output") if (frame[name] != "").any())
        if texts:
            told = describe(frame, Columns(texts, (), ()))
            rows += [_row(service, day, str(name), told[name].dropna()) for name in told]
    return {"series": store.append("checks", rows)}


def _row(service: str, day: Window, name: str, values: pd.Series[float]) -> CheckRow:
    n = len(values)
    mean = float(values.mean()) if n else 0.0
    margin = 1.96 * float(values.std(ddof=1)) / sqrt(n) if n > 1 else 0.0
    series = f"{service}/{name.replace(' ', '/', 1)}"
    return CheckRow(
        timestamp=day.until,
        check_id=f"{DETECTOR}:{series}:{day.until.isoformat()}",
        detector=DETECTOR,
        detector_version=1,
        series=series,
        service=service,
        release="",
        field="",
        window_start=day.since,
        window_end=day.until,
        status="stable" if n >= LEAST else "insufficient_data",
        count=0,
        n=n,
        effect=mean,
        low=mean - margin,
        high=mean + margin,
        baseline=0.0,
        baseline_n=0,
        e_value=0.0,
        threshold=0.0,
        state="{}",
        evidence='{"watched": false}',
    )
