"""The SDK benchmark's bookkeeping: medians, ratios, verdicts, and what a table line shows."""

from __future__ import annotations

from benchmarks.sdk.child import RETURNED, _nested, _summary, plain
from benchmarks.sdk.peers import OTEL, OURS
from benchmarks.sdk.targets import errors, medians, table, targets

REACHED = {
    "sync median": 4.0, "sync p99": 50.0, "async median": 4.5, "async p99": 55.0, "cpu us": 20.0,
    "import ms": 40.0, "dead ratio": 1.1, "hang ratio": 1.0, "exit dead s": 0.3, "exit hang s": 0.9,
    "growth MB": 20.0, "lost": 0.0, "unseen": 0.0,
}  # fmt: skip


def test_a_row_holds_the_medians_of_the_rounds_and_the_outage_ratios():
    """A round that lacks a figure, because it failed, takes no part in that figure's median."""
    rounds = [
        {"sync median": 2.0, "alive sync median": 4.0, "dead sync median": 6.0},
        {"sync median": 9.0, "alive sync median": 4.0, "dead sync median": 2.0},
        {"sync median": 3.0, "error": "no result within 120 s"},
    ]
    row = medians(rounds)
    assert row["sync median"] == 3.0
    assert row["dead ratio"] == 1.0
    assert "hang ratio" not in row
    assert errors(rounds) == ["no result within 120 s"]


def test_every_target_is_met_by_figures_that_reach_it():
    """Shares are of the plain OpenTelemetry SDK's cost in the same run."""
    verdicts = targets({OURS: REACHED, OTEL: {"cpu us": 60.0, "import ms": 100.0}})
    assert [target for target in verdicts if not target.met] == []
    assert all(target.value is not None for target in verdicts)


def test_a_target_is_missed_by_the_figure_that_belongs_to_it():
    """One lost call is a miss, and so is a share above the bound."""
    missed = targets({OURS: {**REACHED, "lost": 1.0}, OTEL: {"cpu us": 40.0, "import ms": 100.0}})
    names = [target.name for target in missed if not target.met]
    assert len(names) == 2
    assert names[0].startswith("CPU of all threads")
    assert names[1].startswith("lost calls")


def test_what_was_not_measured_says_so_and_misses_nothing():
    """`--only outerloop` has nothing to compare with."""
    verdicts = targets({OURS: REACHED})
    unmeasured = [str(target) for target in verdicts if target.value is None]
    assert len(unmeasured) == 2
    assert all("not measured" in line for line in unmeasured)
    assert all(target.met for target in verdicts)


def test_the_table_has_a_line_for_each_sdk_and_a_dash_for_each_gap():
    """Columns stay under their titles."""
    lines = table({OURS: REACHED, OTEL: {"sync median": 18.04}}).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[1].startswith("Outerloop")
    assert "18.0" in lines[2]
    assert " - " in lines[2]


def test_a_process_that_had_to_be_killed_is_marked():
    """Its time to exit is at least what was waited for, not a measurement."""
    shown = table({OTEL: {"exit dead s": 28.4, "exit dead s killed": 1.0}})
    assert ">28.40" in shown


def test_overhead_is_what_the_decorator_adds():
    """The undecorated function's median and p99 are subtracted, in microseconds."""
    found = _summary("sync", [5_000] * 99 + [60_000], [1_000] * 100)
    assert found == {"sync median": 4.0, "sync p99": 59.0}


def test_the_nested_workload_decorates_three_functions():
    """Each is inside the one before, and the innermost one's result comes out."""
    decorated = []

    def note(function):
        decorated.append(function.__name__)
        return function

    call = _nested(note)
    assert decorated == ["inner", "middle", "outer"]
    assert call("x") == plain("x") == RETURNED[1]
