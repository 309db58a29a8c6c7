"""What more labels or more verdicts would buy: how wide the corrected interval would be.

The error of a mean that labels anchor and a judge helps has two parts: what the judge does not tell of a
label, over the labels, and what it tells, over all judged calls:

    v(n, N) ∝ (1 - rho²) / n + rho² / (n + N)

with n labelled calls, N that are judged only and rho the correlation of labels and verdicts. The present
interval is scaled by √(v(n', N') / v(n, N)): the design, and which estimator is used, stay as they are.
Source: Angelopoulos, Duchi and Zrnic, "PPI++" (2023), the variance at the best lambda.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from judges.statistics.rates import Level

__all__ = ["MORE_LABELS", "MORE_VERDICTS", "Prospect", "outlook"]

MORE_LABELS = (50, 100, 500)
MORE_VERDICTS = 2
"""Times as many."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """One way to go on."""

    labels: int
    """More labels than now."""
    verdicts: int
    """More verdicts than now."""
    width: float
    """Of the 95 % interval then."""
    usd: float | None
    """What the verdicts would cost; None where no price is known."""


def outlook(
    level: Level,
    judged: int,
    *,
    usd_per_verdict: float | None,
    more_labels: Sequence[int] = MORE_LABELS,
) -> list[Prospect]:
    """The interval now, with more labels, and with `MORE_VERDICTS` times as many verdicts.

    Args:
        level: as it is now.
        judged: calls with a verdict, labelled ones among them.
        usd_per_verdict: what one costs.
        more_labels: how many more.

    >>> from judges.statistics.rates import level
    >>> people, judge = [1, 1, 1, 0] * 30, [1, 1, 1, 0] * 29 + [1, 1, 0, 1]
    >>> found = outlook(level(people, judge, [1, 1, 0, 0] * 500), 2120, usd_per_verdict=0.001)
    >>> [(one.labels, one.verdicts, round(one.width, 3), one.usd) for one in found]
    [(0, 0, 0.096, 0.0), (50, 0, 0.087, 0.0), (100, 0, 0.081, 0.0), (500, 0, 0.068, 0.0), (0, 2120, 0.087, 2.12)]
    """
    n = level.rate.n
    # where the judge adds nothing the labels are shown alone, so more verdicts buy nothing
    rho = 0.0 if level.adds_nothing else min(1.0, max(0.0, level.rho or 0.0))
    now = _spread(n, judged, rho)
    again = (MORE_VERDICTS - 1) * judged
    ways = [(0, 0), *((more, 0) for more in more_labels), (0, again)]
    return [
        Prospect(
            labels,
            verdicts,
            level.rate.width * math.sqrt(_spread(n + labels, judged + verdicts, rho) / now),
            None if verdicts and usd_per_verdict is None else verdicts * (usd_per_verdict or 0.0),
        )
        for labels, verdicts in ways
    ]


def _spread(labels: int, judged: int, rho: float) -> float:
    return (1 - rho**2) / labels + rho**2 / max(judged, labels)
