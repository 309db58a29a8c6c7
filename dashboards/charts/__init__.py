"""Charts: a frame in, an Altair chart out; no store, no widget, no clock.

Every axis carries its unit; times are UTC. `look` holds what they share.
"""

from __future__ import annotations

from dashboards.charts.drift import before_and_now, lags, level, surprises, text_map
from dashboards.charts.evidence import evidence, incident_rate
from dashboards.charts.judging import judge_spend, rates
from dashboards.charts.look import with_intervals
from dashboards.charts.steps import waterfall
from dashboards.charts.traffic import (
    BRUSH,
    brushable,
    latency,
    ledger,
    quality,
    spend,
    volume,
)
from dashboards.charts.training import composition, forest

__all__ = [
    "BRUSH",
    "before_and_now",
    "brushable",
    "composition",
    "evidence",
    "forest",
    "incident_rate",
    "judge_spend",
    "lags",
    "latency",
    "ledger",
    "level",
    "quality",
    "rates",
    "spend",
    "surprises",
    "text_map",
    "volume",
    "waterfall",
    "with_intervals",
]
