"""What changed: detectors that are pure mathematics, and know no store, clock or network.

A streaming detector takes `update(...)`, shows `drift_detected`, and carries itself over to the
next process with `state()` and `from_state()`; a function compares or searches once. Measured
false-alarm rates, delays and power come from `python benchmarks/drift.py`.
"""

from monitor.drift.baseline import (
    HOURS_PER_WEEK,
    Baseline,
    hour_profile,
    rate_baseline,
)
from monitor.drift.date_profile import DateProfile
from monitor.drift.e_detector import RATE_ODDS, Direction, RateDetector
from monitor.drift.e_value import rate_e_value
from monitor.drift.embedding import EmbeddingDetector, EmbeddingDrift, Region
from monitor.drift.fields import (
    FieldProfile,
    Scalar,
    date_order,
    flatten,
    parse_date,
    profile_fields,
)
from monitor.drift.intervals import (
    Interval,
    clopper_pearson,
    clopper_pearson_upper,
    rate_difference,
    wilson,
)
from monitor.drift.mixture import PROBABILITY_FLOOR, MixtureDetector
from monitor.drift.planning import arl_for_budget, needed_samples
from monitor.drift.recovery import recovered, recovery_detector
from monitor.drift.result import DriftResult, Status
from monitor.drift.rollover import ROLLOVER_ODDS, RolloverDetector, past_year_probability
from monitor.drift.slices import Slice, find_slices
from monitor.drift.terms import RisenTerm, TermDetector, TermDrift
from monitor.drift.year_slip import Slip, year_is_written, year_slip

__all__ = [
    "HOURS_PER_WEEK",
    "PROBABILITY_FLOOR",
    "RATE_ODDS",
    "ROLLOVER_ODDS",
    "Baseline",
    "DateProfile",
    "Direction",
    "DriftResult",
    "EmbeddingDetector",
    "EmbeddingDrift",
    "FieldProfile",
    "Interval",
    "MixtureDetector",
    "RateDetector",
    "Region",
    "RisenTerm",
    "RolloverDetector",
    "Scalar",
    "Slice",
    "Slip",
    "Status",
    "TermDetector",
    "TermDrift",
    "arl_for_budget",
    "clopper_pearson",
    "clopper_pearson_upper",
    "date_order",
    "find_slices",
    "flatten",
    "hour_profile",
    "needed_samples",
    "parse_date",
    "past_year_probability",
    "profile_fields",
    "rate_baseline",
    "rate_difference",
    "rate_e_value",
    "recovered",
    "recovery_detector",
    "wilson",
    "year_is_written",
    "year_slip",
]
