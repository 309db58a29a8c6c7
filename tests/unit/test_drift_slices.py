"""Slice search finds what was planted, says nothing when there is nothing, and shows ties."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.drift import find_slices


def rows(n: int) -> list[dict[str, str]]:
    """Calls with three independent attributes."""
    rng = np.random.default_rng(1)
    draws = rng.integers(0, (4, 6, 10), size=(n, 3)).tolist()
    return [{"model": f"m{a}", "lang": f"l{b}", "tenant": f"t{c}"} for a, b, c in draws]


def test_finds_a_pair() -> None:
    """Two conditions together are found, with their figures."""
    calls, rng = rows(6_000), np.random.default_rng(2)
    hot = [row["model"] == "m1" and row["tenant"] == "t3" for row in calls]
    faults = [bool(rng.random() < (0.4 if one else 0.01)) for one in hot]
    best = find_slices(calls, faults, 0.01)[0]
    assert best.conditions == (("model", "m1"), ("tenant", "t3"))
    assert best.n == sum(hot)
    assert best.count == sum(f for f, one in zip(faults, hot, strict=True) if one)
    assert best.rate > 0.3
    assert best.rate_elsewhere < 0.02
    assert best.share_of_faults == best.count / sum(faults)


def test_a_rise_everywhere_has_no_slice() -> None:
    """When all calls got worse, no slice is blamed; nor is any when nothing happened."""
    calls, rng = rows(3_000), np.random.default_rng(3)
    assert find_slices(calls, (rng.random(3_000) < 0.06).tolist(), 0.01) == []
    assert find_slices(calls, (rng.random(3_000) < 0.01).tolist(), 0.01) == []


def test_attributes_that_go_together_tie() -> None:
    """A model and its prompt version explain equally much and stand side by side."""
    calls = [{**row, "prompt": f"p-{row['model']}"} for row in rows(3_000)]
    rng = np.random.default_rng(4)
    faults = [bool(rng.random() < (0.2 if row["model"] == "m2" else 0.01)) for row in calls]
    first, second = find_slices(calls, faults, 0.01)[:2]
    assert first.score == second.score
    assert {first.conditions, second.conditions} == {(("model", "m2"),), (("prompt", "p-m2"),)}


@pytest.mark.parametrize(
    ("calls", "faults"),
    [([], []), ([{}], [True]), ([{"a": "x"}], [True]), ([{"a": "x"}, {}], [False, False])],
)
def test_degenerate_input_gives_no_slices(calls: list[dict[str, str]], faults: list[bool]) -> None:
    """Nothing to compare gives nothing."""
    assert find_slices(calls, faults, 0.0) == []


def test_everything_is_a_fault() -> None:
    """Rates of 0 and 1 are no trouble, and missing attributes are a value."""
    found = find_slices([{"a": "x"}] * 20 + [{}] * 20, [True] * 20 + [False] * 20, 0.0)
    assert found[0].conditions == (("a", "x"),)


def test_does_not_depend_on_order() -> None:
    """Shuffled calls give the same slices."""
    calls, rng = rows(2_000), np.random.default_rng(5)
    faults = [bool(rng.random() < (0.3 if row["lang"] == "l2" else 0.01)) for row in calls]
    order = rng.permutation(2_000).tolist()
    shuffled = find_slices([calls[i] for i in order], [faults[i] for i in order], 0.01)
    assert shuffled == find_slices(calls, faults, 0.01)
