"""A series' looks as pieces that can be drawn: short looks are summed up, long ones stay as long as they are. Pure."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from dashboards.filters import bucket_s

__all__ = ["LEAST_LOOKS", "pieces", "width"]

MOST_PIECES = 60
LEAST_LOOKS = 30
"""Calls that a piece should be made of: with fewer an interval says next to nothing."""


def width(looks: pd.DataFrame) -> timedelta:
    """How long a piece is: by the time that the looks span, and by how many calls they saw.

    >>> hours = pd.date_range("2024-01-01", periods=240, freq="h", tz="UTC")
    >>> many = pd.DataFrame({"window_start": hours, "window_end": hours + pd.Timedelta(hours=1), "n": 1000})
    >>> width(many), width(many.assign(n=2))
    (datetime.timedelta(seconds=21600), datetime.timedelta(days=1))
    """
    first, last = looks["window_start"].min(), looks["window_end"].max()
    most = max(1, min(MOST_PIECES, int(looks["n"].sum()) // LEAST_LOOKS))
    end = last.to_pydatetime() + timedelta(seconds=1)
    return timedelta(seconds=bucket_s(first.to_pydatetime(), end, most=most))


def pieces(looks: pd.DataFrame, size: timedelta) -> pd.DataFrame:
    """Columns start, end, count, n: looks that begin in the same stretch of time are one piece.

    A look that is longer than a stretch is a piece of its own, from its beginning to its end: what a job that looks
    once in four days saw is a bar of four days, and where nobody looked there is nothing.
    """
    seen = looks[looks["n"] > 0]
    long = (seen["window_end"] - seen["window_start"]) > size
    place = seen["window_start"].dt.floor(f"{int(size.total_seconds())}s")
    place = place.where(~long, seen["window_start"])
    merged = (
        seen.assign(place=place, long=long)
        .groupby(["place", "long"], as_index=False)
        .agg(
            start=("window_start", "min"),
            end=("window_end", "max"),
            count=("count", "sum"),
            n=("n", "sum"),
        )
    )
    return merged[["start", "end", "count", "n"]].sort_values("start").reset_index(drop=True)
