"""Charts of quality over time: what is not told yet is never a drop, and who speaks unasked is a number."""

from __future__ import annotations

import pandas as pd

from dashboards.charts.traffic import quality, voices

HOURS = pd.date_range("2024-01-01", periods=3, freq="h", tz="UTC")


def test_an_immature_window_is_never_drawn_as_a_drop() -> None:
    """Line and band end where outcomes are still coming; what is told so far stands as rings alone."""
    rows = pd.DataFrame(
        {"bucket": HOURS, "failures": [1, 1, 0], "n": [9, 9, 9], "immature": [False, False, True]}
    )
    layers = quality(rows).to_dict()["layer"]
    drawn = {layer["mark"]["type"]: layer["transform"][0]["filter"] for layer in layers}
    assert drawn == {
        "area": "!datum.immature",
        "line": "!datum.immature",
        "circle": "!datum.immature",
        "point": "datum.immature",
    }


def test_what_people_say_of_their_own_accord_is_a_number() -> None:
    """Good and bad words are bars whose sum is how many spoke."""
    rows = pd.DataFrame({"bucket": HOURS, "failures": [0, 1, 2], "n": [3, 3, 3]})
    drawn = voices(rows).to_dict()
    told = next(iter(drawn["datasets"].values()))
    assert sum(one["how_many"] for one in told if one["said"] == "bad") == 3
    assert sum(one["how_many"] for one in told) == 9
