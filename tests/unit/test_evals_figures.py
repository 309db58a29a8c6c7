"""Aggregates, comparisons and gates of evaluations: what is counted, and what may not be hidden."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from rich.console import Console

from judges.interaction import Interaction, JudgeFailure, Judgement, NotApplicable, Usage, Verdict
from judges.statistics.power import smallest_gain
from judges.statistics.rates import wilson
from monitor.evaluation.aggregates import aggregate, mean_interval, smallest_difference
from monitor.evaluation.comparison import ComparisonError, compare_rows
from monitor.evaluation.gate import Gate, problems, read_gate
from monitor.evaluation.report import print_evaluation
from monitor.evaluation.result import Evaluation
from monitor.evaluation.rows import EvaluationRow, RunLabel, row_of
from monitor.exceptions import ConfigurationError

NOW = datetime(2024, 1, 2, tzinfo=UTC)
LABEL = RunLabel("ev-1", NOW, "cases.jsonl", "0123456789ab")


def row(
    number: int,
    value: bool | float | str | None,
    *,
    status: str = "error",
    judge: str = "j",
    version: str = "v1",
    lower: bool = False,
) -> EvaluationRow:
    """A row of one judge on sample `number`; None is a failure of that status."""
    sample = Interaction("", f"s{number}", NOW, "question", "answer")
    verdict: Verdict
    if status == "not_applicable":
        verdict = NotApplicable(judge, "does not arise", version)
    elif value is None:
        verdict = JudgeFailure(judge, version, "no answer", status=status)  # type: ignore[arg-type]
    else:
        label = str(value) if isinstance(value, str) else ""
        verdict = Judgement(judge, value, label, f"because {number}", version, Usage("m"))
    label_of_run = replace(LABEL, lower=frozenset({judge} if lower else ()))
    return row_of(label_of_run, sample, verdict)


def run(rows: list[EvaluationRow]) -> Evaluation:
    """An evaluation of these rows."""
    samples = len({one.sample_id for one in rows})
    return Evaluation("ev-1", "cases.jsonl", "h", "", NOW, 0.1, samples, tuple(rows))


def test_only_verdicts_enter_a_mean_and_what_failed_bounds_it() -> None:
    """Not applicable leaves the denominator; failures stand beside the mean with both extremes."""
    rows = [row(n, n < 8) for n in range(10)]
    rows += [row(10, None, status="refused"), row(11, None, status="invalid_output")]
    rows += [row(12, None, status="not_applicable")]
    one = aggregate(rows)
    share = wilson(8, 10)
    assert share is not None
    assert (one.n, one.value, one.not_applicable) == (10, 0.8, 1)
    assert (one.low, one.high) == pytest.approx((share.low, share.high))
    assert one.failures == {"refused": 1, "invalid_output": 1}
    assert one.invalid_share == pytest.approx(2 / 12)
    assert (one.worst, one.best) == pytest.approx((8 / 12, 10 / 12))


def test_an_unknown_cost_makes_the_sum_unknown() -> None:
    """Unknown is not nothing."""
    rows = [row(0, True), replace(row(1, True), cost_usd=None)]
    assert aggregate(rows).cost_usd is None
    assert run(rows).cost_usd is None


def test_labels_have_counts_and_no_mean() -> None:
    """A judge that sorts into classes is not averaged."""
    one = aggregate([row(n, "AB"[n % 2]) for n in range(5)])
    assert one.labels == {"A": 3, "B": 2}
    assert math.isnan(one.value)


def test_the_interval_of_scores_covers_what_it_promises() -> None:
    """Over 600 seeded samples of 30 skewed scores the 95 % interval holds the mean 92 to 98 times in 100."""
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(600):
        _, low, high = mean_interval(rng.beta(4, 1.5, 30).tolist(), "score")
        held += low <= 4 / 5.5 <= high
    assert 0.92 <= held / 600 <= 0.98


def test_equal_scores_claim_no_certainty() -> None:
    """Twenty times 1.0 is not exactly 1; twenty times 4 of an unknown scale has no interval at all."""
    mean, low, high = mean_interval([1.0] * 20, "score")
    assert (mean, high) == (1.0, 1.0)
    assert 0.8 < low < 0.9
    assert math.isnan(mean_interval([4.0] * 20, "score")[1])
    assert all(math.isnan(one) for one in mean_interval([], "score"))


@pytest.mark.parametrize("n", [50, 100, 200])
def test_the_smallest_difference_is_that_of_the_exact_test(n: int) -> None:
    """What is said before a run is within 3 points of the exact McNemar power calculation."""
    exact = smallest_gain(n, 0.3)
    assert exact is not None
    assert smallest_difference(n) == pytest.approx(exact, abs=0.03)


def test_too_few_samples_show_no_difference() -> None:
    """Five samples cannot tell two versions apart, and that is said."""
    assert smallest_difference(5) == 1.0


def test_two_versions_are_compared_pair_by_pair() -> None:
    """Exact McNemar: 12 better and 1 worse of 40 is no chance; the movers are named."""
    before = [row(n, n >= 12) for n in range(40)]
    after = [row(n, n != 39) for n in range(40)]
    [one] = run(after).compare(run(before))
    assert (one.verdict, one.test, one.n) == ("better", "exact McNemar", 40)
    assert one.p_value == pytest.approx(0.00341796875)
    assert one.difference == pytest.approx(11 / 40)
    assert one.low > 0
    assert [moved.sample_id for moved in one.worse] == ["s39"]
    assert one.worse[0].reason == "because 39"
    [back] = run(before).compare(run(after))
    assert back.verdict == "worse"


def test_scores_are_compared_by_permutation() -> None:
    """A shift of every score is seen; noise around nothing is not."""
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.2, 40)
    before = [row(n, float(3 + noise[n])) for n in range(40)]
    after = [row(n, float(3.3 + noise[-n])) for n in range(40)]
    [one] = run(after).compare(before)
    assert (one.verdict, one.test) == ("better", "paired permutation")
    same = [row(n, float(3 + noise[-n])) for n in range(40)]
    assert run(same).compare(before)[0].verdict == "no difference shown"


def test_only_pairs_with_two_verdicts_count() -> None:
    """A sample that one version has no verdict for is counted as unpaired, not as wrong."""
    before = [row(0, True), row(1, True), row(2, None)]
    [one] = compare_rows([row(0, True), row(1, None), row(2, True)], before)
    assert (one.n, one.unpaired, one.verdict) == (1, 2, "no difference shown")


def test_runs_that_do_not_compare_say_why() -> None:
    """Other judges, another version of the judge, other samples."""
    with pytest.raises(ComparisonError, match="no judge is in both"):
        compare_rows([row(0, True)], [row(0, True, judge="k")])
    with pytest.raises(ComparisonError, match="version v1 here and v2"):
        compare_rows([row(0, True)], [row(0, True, version="v2")])
    with pytest.raises(ComparisonError, match="no sample is in both"):
        compare_rows([row(0, True)], [row(1, True)])


def test_a_gate_holds_means_and_lower_bounds() -> None:
    """The mean passes where the lower bound of few samples does not."""
    found = [aggregate([row(n, n != 0) for n in range(20)])]
    assert problems(found, gates=[Gate("j", 0.9)]) == []
    [said] = problems(found, gates=[Gate("j", 0.9, bound=True)])
    assert said.startswith("j: its lower bound 0.764 is under 0.9")
    with pytest.raises(ConfigurationError, match="there is no judge 'k'"):
        problems(found, gates=[Gate("k", 0.9)])


def test_where_less_is_better_a_bar_is_a_ceiling() -> None:
    """Mean or upper bound stay under it; a bar from the wrong side is refused, a bare one passes by."""
    found = [aggregate([row(n, n == 0, lower=True) for n in range(20)])]
    assert problems(found, gates=[read_gate("j<=0.1"), read_gate("0.9")]) == []
    [said] = problems(found, gates=[read_gate("j.high <= 10%")])
    assert said.startswith("j: its upper bound 0.236 is over 0.1")
    with pytest.raises(ConfigurationError, match=r"less is better; write j<=0\.9"):
        problems(found, gates=[read_gate("j>=0.9")])
    more = [aggregate([row(n, True) for n in range(20)])]
    with pytest.raises(ConfigurationError, match=r"more is better; write j>=0\.1"):
        problems(more, gates=[read_gate("j<=0.1")])


def test_where_less_is_better_bounds_and_changes_turn_round() -> None:
    """A missing verdict is worst as a yes; a fall is better, and its reason is that of the higher one."""
    found = aggregate([row(0, False, lower=True), row(1, None, lower=True)])
    assert (found.worst, found.best) == (0.5, 0.0)
    before = [row(n, 0.9, lower=True) for n in range(12)]
    after = [row(n, 0.1 if n else 0.95, lower=True) for n in range(12)]
    [one] = compare_rows(after, before)
    assert (one.verdict, len(one.better), len(one.worse)) == ("better", 11, 1)
    [back] = compare_rows(before, after)
    assert back.verdict == "worse"
    [said] = problems([], comparisons=[back])
    assert said.startswith("j: worse than the baseline by 0.7")
    with pytest.raises(AssertionError, match=r"worse by 0\.7"):
        run(before).assert_not_worse(after)


def test_where_less_is_better_a_yes_is_a_failure() -> None:
    """A toxic answer comes first; a score has no border that anybody knows."""
    assert row(0, True, lower=True).failed
    assert not row(0, False, lower=True).failed
    assert not row(0, 3.0, lower=True).failed
    out = io.StringIO()
    rows = [row(0, 0.1, lower=True), row(1, 0.9, lower=True), row(2, 0.5, lower=True)]
    print_evaluation(Console(file=out, width=100), run(rows))
    said = out.getvalue()
    assert said.index("s1") < said.index("s2") < said.index("s0")


def test_a_mean_may_have_a_ceiling() -> None:
    """`at_most` demands little; both bars at once, or none, are a mistake."""
    done = run([row(n, 0.2, lower=True) for n in range(10)])
    done.assert_mean(at_most=0.2)
    with pytest.raises(AssertionError, match=r"mean 0\.200 is over 0\.1"):
        done.assert_mean(at_most=0.1)
    with pytest.raises(TypeError, match="one of the two"):
        done.assert_mean()


def test_a_judge_without_a_single_verdict_never_passes() -> None:
    """An endpoint that is down is no green build, with or without a gate."""
    assert problems([aggregate([row(0, None), row(1, None)])]) == [
        "j: nothing could be judged (2 error)"
    ]


@pytest.mark.parametrize("text", ["", "x", "j>0.9", "j>=high", ">=0.9", "j.low>="])
def test_a_gate_that_cannot_be_read_is_refused(text: str) -> None:
    """With the way to write it."""
    with pytest.raises(ConfigurationError, match=r"write NAME>=0\.9"):
        read_gate(text)


def test_a_test_may_demand_a_pass_rate_a_mean_and_no_loss() -> None:
    """The message of each quotes the failures."""
    done = run([row(n, n >= 3) for n in range(10)])
    done.assert_pass_rate(0.7)
    with pytest.raises(AssertionError, match=r"mean 0\.700 is under 0\.8 \(n = 10") as caught:
        done.assert_pass_rate(0.8)
    assert "s0: " in str(caught.value)
    assert "because 0" in str(caught.value)
    with pytest.raises(AssertionError, match="lower bound"):
        done.assert_pass_rate(0.7, lower_bound=True)
    scores = run([row(n, 0.5 + n / 100) for n in range(10)])
    scores.assert_mean(0.5)
    with pytest.raises(AssertionError, match="use assert_mean"):
        scores.assert_pass_rate(0.5)
    better = run([row(n, True) for n in range(10)])
    better.assert_not_worse(done)
    with pytest.raises(AssertionError, match="worse by 1"):
        run([row(n, False) for n in range(10)]).assert_not_worse(better)
    with pytest.raises(AssertionError, match="no verdict at all"):
        run([row(0, None)]).assert_pass_rate(0.0)
    with pytest.raises(LookupError, match="This run has j, k"):
        run([row(0, True), row(0, True, judge="k")]).aggregate()


def test_a_strangers_text_cannot_command_the_terminal() -> None:
    """Escape sequences, markup and direction overrides of an answer or a reason are seen, not obeyed."""
    hostile = "\x1b[2J\x1b]0;owned\x07[bold red]x[/] \u202ereversed\r\nnext"
    one = replace(row(0, False), sample_id=hostile, reason=hostile, judge=hostile, label=hostile)
    out = io.StringIO()
    print_evaluation(Console(file=out, width=100, force_terminal=True), run([one]))
    said = out.getvalue()
    assert "\x1b[2J" not in said
    assert "\x1b]0" not in said
    assert "\u202e" not in said
    assert "[bold red]" in said
