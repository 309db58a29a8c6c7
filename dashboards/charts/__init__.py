"""Charts: a frame in, an Altair chart out; no store, no widget, no clock.

Every axis carries its unit; times are UTC. `look` holds what they share.
"""

from __future__ import annotations

from dashboards.charts.drift import before_and_now, lags, level, surprises, text_map, years
from dashboards.charts.evidence import evidence, incident_rate
from dashboards.charts.judging import judge_course, judge_spend, rates
from dashboards.charts.look import with_intervals
from dashboards.charts.running import run_lengths
from dashboards.charts.steps import KINDS, STEP, waterfall
from dashboards.charts.traffic import (
    BRUSH,
    brushable,
    latency,
    ledger,
    quality,
    spend,
    voices,
    volume,
)
from dashboards.charts.training import composition, forest

__all__ = [
    "BRUSH",
    "KINDS",
    "STEP",
    "before_and_now",
    "brushable",
    "composition",
    "evidence",
    "forest",
    "incident_rate",
    "judge_course",
    "judge_spend",
    "lags",
    "latency",
    "ledger",
    "level",
    "quality",
    "rates",
    "run_lengths",
    "spend",
    "surprises",
    "text_map",
    "voices",
    "volume",
    "waterfall",
    "with_intervals",
    "years",
]
