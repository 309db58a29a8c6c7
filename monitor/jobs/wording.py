"""What an incident is called, and what a person is told of it in one go. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.causes import Subject
    from monitor.incidents import Hypothesis, IncidentDetails

__all__ = ["summary", "title"]

YEARS = ("rollover", "year_slip")
"""Detectors that find dates of the year before."""


def title(subject: Subject, severity: str, detector: str) -> str:
    """What is wrong, in a line."""
    where = "".join(f", {name} {value}" for name, value in subject.root)
    if subject.field and detector in YEARS:
        return f"{subject.service}{where}: {subject.field} is a year off"
    if subject.field:
        return f"{subject.service}{where}: {subject.field} is wrong more often"
    if severity == "watch":
        return f"{subject.service}{where}: {subject.series} has moved"
    return f"{subject.service}{where}: {subject.series} fails more often"


def summary(subject: Subject, found: IncidentDetails, *, told: str = "") -> str:
    """What a person needs in one go: since when, how bad, against what, and why; `told` is the series' own word."""
    where = " and ".join(f"{name} {value}" for name, value in subject.root)
    said = f"Since {subject.started:%Y-%m-%d %H:%M} UTC "
    if found.n:
        interval = f"{100 * found.low:.1f} to {100 * found.high:.1f} %, {found.count} of {found.n}"
        said += (
            f"{100 * found.rate:.1f} % of calls{f' with {where}' if where else ''} ({interval}) are wrong in "
            f"{subject.field or subject.series}, against {100 * found.baseline:.2f} % before "
            f"({found.baseline_n:,} calls)."
        )
    else:
        said += f"{subject.series}{f' of {where}' if where else ''} differs from its baseline."
    own = f" {told[:1].upper()}{told[1:].rstrip('.')}." if told else ""
    return f"{said}{own} {_why(found.causes)}"


def _why(causes: Sequence[Hypothesis]) -> str:
    if not causes:
        return "The cause is not known yet."
    first = causes[0]
    because = f"; {'; '.join(first.speaks_for[:2])}" if first.speaks_for else ""
    said = f"Likely cause: {first.cause}{because}."
    if len(causes) > 1 and causes[1].score >= 0.2 and causes[1].cause != "unknown":
        said += f" Or: {causes[1].cause}."
    return said
