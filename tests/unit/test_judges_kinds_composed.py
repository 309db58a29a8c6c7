"""Judges that are made of other judges: jury, cascade, steps."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from judges.interaction import (
    Interaction,
    JudgeFailure,
    Judgement,
    NotApplicable,
    Step,
    Usage,
    Verdict,
)
from judges.kinds.steps import Steps
from judges.panels.admission import admit
from judges.panels.cascade import Cascade, margin_of, spent
from judges.panels.jury import Jury
from judges.panels.members import Again

CALL = Interaction("t", "s", datetime(2024, 1, 2, tzinfo=UTC), "When?", "On 5 January.")
PAID = Usage("m", 100, 10, 0.01, requests=1)


@dataclass(frozen=True)
class Fixed:
    """A judge that says what it is told to, by repeat; a status is a failure, `na` not applicable."""

    name: str
    words: tuple[Any, ...]
    models: tuple[str, ...] = ()
    usd: float | None = 0.02
    version: str = "v1"

    def most_usd(self, _: Interaction) -> float | None:
        """Its bound."""
        return self.usd

    async def __call__(self, _: Interaction, *, repeat: int = 0) -> Verdict:
        """Its word."""
        await asyncio.sleep(0)
        word = self.words[repeat % len(self.words)]
        if word == "na":
            return NotApplicable(self.name, "not asked", "v1", PAID)
        if word in ("refused", "error"):
            return JudgeFailure(self.name, "v1", "no", status=word, usage=PAID)
        label = {0.5: "tie"}.get(word, str(word))
        if isinstance(word, bool):
            label = "yes" if word else "no"
        return Judgement(self.name, word, label, f"says {label}", "v1", PAID)


def panel(*words, rule="vote", **options):
    """A jury whose jurors say these words."""
    judges = tuple(Fixed(f"j{n}", (word,), (f"m{n}",)) for n, word in enumerate(words))
    return Jury("fine", judges, rule=rule, **options)


# Jury


async def test_a_jury_votes_by_weight():
    """Two light jurors do not outvote a heavy one."""
    even = await panel(True, False, False)(CALL)
    heavy = await panel(True, False, False, weights=(3.0, 1.0, 1.0))(CALL)
    assert (even.value, heavy.value) == (False, True)
    assert heavy.details["margin"] == pytest.approx(0.2)
    assert heavy.details["disagreement"] == pytest.approx(0.4)
    assert heavy.probabilities == pytest.approx({"yes": 0.6, "no": 0.4})
    assert heavy.usage.cost_usd == pytest.approx(0.03)
    assert heavy.usage.requests == 3


async def test_a_failed_juror_leaves_and_is_named():
    """The others' weights are scaled up, and the reason says who left and why."""
    verdict = await panel(True, "refused", False, weights=(2.0, 5.0, 1.0))(CALL)
    assert verdict.value is True
    assert verdict.probabilities["yes"] == pytest.approx(2 / 3)
    assert "j1 left (refused: no)" in verdict.reason
    assert verdict.details["juror j1"] == "refused"
    assert verdict.details["failed"] == 1


async def test_below_the_quorum_there_is_no_verdict():
    """One of three is no jury; what it cost is kept, and the status is a juror's."""
    verdict = await panel(True, "refused", "error")(CALL)
    assert isinstance(verdict, JudgeFailure)
    assert verdict.status == "refused"
    assert "1 of 3 jurors gave a verdict, 2 needed" in verdict.reason
    assert verdict.usage.cost_usd == pytest.approx(0.03)
    assert isinstance(await panel(True, "refused", "error", quorum=1)(CALL), Judgement)


@pytest.mark.parametrize(("on_tie", "value"), [("fail", None), ("first", False), ("tie", 0.5)])
async def test_a_tied_jury_says_what_it_was_told_to(on_tie, value):
    """No verdict, the first juror's, or a tie."""
    verdict = await panel(False, True, on_tie=on_tie)(CALL)
    assert getattr(verdict, "value", None) == value
    assert "tied" in verdict.reason or on_tie == "first"


async def test_votes_that_do_not_apply_are_votes():
    """Where most say that the question does not arise, it does not."""
    assert isinstance(await panel("na", "na", True)(CALL), NotApplicable)
    assert (await panel("na", True, True)(CALL)).value is True


async def test_a_jury_of_numbers_takes_the_mean():
    """Weighted, over those to whom the question applies; disagreement is their spread."""
    verdict = await panel(4.0, 2.0, "error", rule="mean", weights=(3.0, 1.0, 9.0))(CALL)
    assert verdict.value == pytest.approx(3.5)
    assert verdict.details["disagreement"] == pytest.approx((0.75 * 0.25 + 0.25 * 2.25) ** 0.5)
    assert isinstance(await panel("na", "na", 2.0, rule="mean")(CALL), NotApplicable)
    labels = await panel("good", "bad", rule="mean")(CALL)
    assert isinstance(labels, JudgeFailure)
    assert "use the rule `vote`" in labels.reason


async def test_only_admitted_jurors_sit():
    """Who did not pass the test is not even asked; who passed is said."""
    good = admit(["yes", "no"] * 30, ["yes", "no"] * 30)
    bad = admit(["yes", "yes"] * 30, ["yes", "no"] * 30)
    jury = panel(True, False, False, admissions=(good, bad, None))
    verdict = await jury(CALL)
    assert verdict.value is True
    assert verdict.usage.requests == 1
    assert "1 of 3 jurors admitted" in verdict.reason
    assert jury.most_usd(CALL) == pytest.approx(0.02)


async def test_a_jury_of_which_nobody_passed_says_so():
    """It still speaks, with equal votes, and nobody can mistake it for a tested one."""
    bad = admit(["yes", "yes"] * 30, ["yes", "no"] * 30)
    verdict = await panel(True, False, False, weights=(9, 1, 1), admissions=(bad,) * 3)(CALL)
    assert verdict.value is False
    assert "no juror passed the admission test" in verdict.reason
    assert verdict.details["admission"].startswith("no juror passed")
    assert "not tested" in (await panel(True)(CALL)).reason


async def test_jurors_of_a_candidates_family_do_not_sit():
    """Where candidates of two families are compared, their vendors' models stay away."""
    judges = (
        Fixed("a", (1.0,), ("gpt-5",)), Fixed("b", (0.5,), ("claude-opus-4",)),
        Fixed("c", (0.5,), ("qwen3",)),
    )  # fmt: skip
    jury = Jury("better", judges)
    pair = replace(CALL, other="Later.", model="gpt-4o", other_model="gemini-2.5-pro")
    verdict = await jury(pair)
    assert verdict.label == "tie"
    assert verdict.details["left_out"] == 1
    assert "did not sit" in verdict.reason
    assert (await jury(replace(pair, model="gemini-2.0-flash"))).details["left_out"] == 0
    none = await Jury("better", judges[:1])(pair)
    assert isinstance(none, JudgeFailure)
    assert "own family" not in none.reason
    assert "candidate's family" in none.reason


async def test_a_plain_function_may_sit_and_may_raise():
    """A user's own judge needs no version; what it raises is its failure, not the jury's."""

    async def polite(interaction: Interaction) -> Verdict:
        return Judgement("polite", True, "yes", "", "")

    async def broken(interaction: Interaction) -> Verdict:
        raise RuntimeError("boom")

    verdict = await Jury("fine", (polite, broken, polite))(CALL)
    assert verdict.value is True
    assert "RuntimeError: boom" in verdict.reason
    assert {"juror polite #1", "juror polite #3", "juror broken"} <= set(verdict.details)


async def test_a_cancelled_jury_is_cancelled():
    """A deadline that strikes while jurors think is not a juror's failure."""

    async def slow(interaction: Interaction) -> Verdict:
        await asyncio.sleep(60)
        raise AssertionError

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await Jury("fine", (slow, slow))(CALL)


def test_a_jurys_version_is_its_jurors():
    """Another juror, another weight, another rule: another version; what they are worth is no part."""
    base = panel(True, False)
    assert base.version == panel(True, False, worth=1.5).version
    judges = base.judges
    others = [
        Jury("fine", (judges[0], replace(judges[1], version="v2"))),
        Jury("fine", judges, weights=(1.0, 2.0)),
        Jury("fine", judges, rule="mean"),
        Jury("fine", judges[:1]),
    ]
    assert len({one.version for one in [base, *others]}) == 5


@pytest.mark.parametrize(
    "options",
    [
        {"weights": (1.0,)},
        {"weights": (-1.0, 2.0)},
        {"weights": (0.0, 0.0)},
        {"admissions": (None,)},
    ],
)
def test_a_jury_is_checked_when_it_is_made(options):
    """One weight and one admission per judge, and somebody to vote."""
    with pytest.raises(ValueError):
        panel(True, False, **options)


# Cascade


async def test_a_sure_cheap_judge_stands():
    """Three equal answers need no dear judge, and cost three cheap requests."""
    cascade = Cascade("fine", Fixed("mini", (True,)), Fixed("full", (False,), usd=0.5))
    verdict = await cascade(CALL)
    assert (verdict.name, verdict.value) == ("fine", True)
    assert verdict.details == {"escalated": False, "margin": 1.0}
    assert verdict.usage.requests == 3
    assert verdict.version == cascade.version
    assert cascade.most_usd(CALL) == pytest.approx(0.56)


async def test_a_small_margin_escalates():
    """Two against one is a margin of a third: the dear judge decides, and all are paid."""
    verdict = await Cascade("fine", Fixed("mini", (True, True, False)), Fixed("full", (False,)))(
        CALL
    )
    assert verdict.value is False
    assert verdict.details["escalated"] is True
    assert verdict.usage.requests == 4
    assert verdict.usage.cost_usd == pytest.approx(0.04)


async def test_a_failed_cheap_answer_escalates():
    """What cannot be read is no certainty."""
    verdict = await Cascade("fine", Fixed("mini", (True, "error", True)), Fixed("full", (True,)))(
        CALL
    )
    assert verdict.details["escalated"] is True
    lost = await Cascade("fine", Fixed("mini", ("error",)), Fixed("full", ("refused",)))(CALL)
    assert isinstance(lost, JudgeFailure)
    assert (lost.name, lost.status, lost.usage.requests) == ("fine", "refused", 4)


async def test_numbers_escalate_near_the_threshold():
    """Between pass and fail the dear judge speaks; far from it the cheap ones' mean stands."""
    far = Cascade(
        "tone", Fixed("mini", (4.0, 5.0)), Fixed("full", (1.0,)), repeats=2, threshold=3.0
    )
    near = Cascade(
        "tone", Fixed("mini", (3.0, 3.5)), Fixed("full", (1.0,)), repeats=2, threshold=3.0
    )
    assert (await far(CALL)).value == 4.5
    assert (await near(CALL)).value == 1.0


async def test_a_mean_of_labels_is_no_label():
    """Four of five better and a tie is better, not nine tenths of it."""
    words = Fixed("mini", (1.0, 1.0, 0.5, 1.0, 1.0))
    verdict = await Cascade("pair", words, Fixed("full", (0.0,)), repeats=5)(CALL)
    assert (verdict.value, verdict.label) == (1.0, "1.0")


def test_told_probabilities_are_a_margin():
    """One answer with log-probabilities is as good as several without."""
    sure = Judgement(
        "m", 1.0, "better", "", "v", probabilities={"better": 0.65, "worse": 0.3, "tie": 0.05}
    )
    assert margin_of([sure]) == pytest.approx(0.35)
    assert margin_of([sure, JudgeFailure("m", "v", "no")]) is None


async def test_the_books_of_a_cascade():
    """Share escalated and cost, over many verdicts."""
    sure = Cascade("fine", Fixed("mini", (True,)), Fixed("full", (True,)))
    unsure = Cascade("fine", Fixed("mini", (True, False)), Fixed("full", (True,)))
    books = spent([await sure(CALL), await sure(CALL), await sure(CALL), await unsure(CALL)])
    assert (books.n, books.escalated, books.share) == (4, 1, 0.25)
    assert books.usage.cost_usd == pytest.approx(0.13)


def test_a_cheap_judge_that_cannot_differ_is_asked_once():
    """Asking a plain function three times buys certainty that is none."""

    async def plain(interaction: Interaction) -> Verdict:
        return Judgement("plain", True, "yes", "", "")

    with pytest.raises(ValueError, match="repeats = 1"):
        Cascade("fine", plain, plain)
    assert Cascade("fine", plain, plain, repeats=1).most_usd(CALL) == 0.0


# Repeats


async def test_a_repeat_is_a_judge_of_its_own():
    """To the engine it has the judge's name, version and bound, and a number."""
    judge = Fixed("fine", (True, False), ("m1",))
    again = Again(judge, 1)
    assert (again.name, again.version, again.models, again.repeat) == ("fine", "v1", ("m1",), 1)
    assert again.most_usd(CALL) == 0.02
    assert [(await one(CALL)).value for one in (Again(judge, 0), again)] == [True, False]

    async def plain(interaction: Interaction) -> Verdict:
        return Judgement("plain", interaction.input != "", "yes", "", "")

    assert (await Again(plain, 0)(CALL)).value is True
    with pytest.raises(ValueError, match="would say the same again"):
        Again(plain, 1)


# Steps

CHAIN = replace(
    CALL,
    steps=(
        Step("search", "retriever", "q", "documents", "sp1"),
        Step("calculate", "tool", "6*1000", "6600", "sp2"),
        Step("answer", "chat", "all", "6600", "sp3"),
    ),
)


@dataclass(frozen=True)
class ByOutput:
    """A judge of what a step put out; remembers nothing."""

    words: dict[str, Any]
    name: str = "right"
    version: str = "v1"

    async def __call__(self, interaction: Interaction) -> Verdict:
        """Its word."""
        word = self.words[interaction.output]
        return await Fixed(self.name, (word,))(interaction)


async def test_the_first_failing_step_is_named():
    """By place, name and span; every step's verdict is kept."""
    verdict = await Steps("chain", ByOutput({"documents": True, "6600": False}))(CHAIN)
    assert (verdict.value, verdict.label) == (False, "step 2")
    assert "step 2 (tool calculate, span sp2) fails first" in verdict.reason
    assert verdict.details == {
        "step 1 search": True, "step 2 calculate": False, "step 3 answer": False,
        "first_failure": 2.0, "first_failure_step": "calculate", "first_failure_span": "sp2",
    }  # fmt: skip
    assert verdict.usage.requests == 3


async def test_a_chain_without_failure_passes():
    """Steps to which the question does not apply do not count."""
    verdict = await Steps("chain", ByOutput({"documents": "na", "6600": True}))(CHAIN)
    assert (verdict.value, verdict.reason) == (True, "all 2 judged steps pass")


@pytest.mark.parametrize(("aggregate", "value"), [("min", 2.0), ("mean", 8 / 3)])
async def test_worst_and_mean_of_numbers(aggregate, value):
    """And the first below the passing value is named all the same."""
    judge = ByOutput({"documents": 4.0, "6600": 2.0})
    verdict = await Steps("chain", judge, aggregate, passes=3.0)(CHAIN)
    assert verdict.value == pytest.approx(value)
    assert verdict.details["first_failure_span"] == "sp2"


async def test_a_step_without_a_verdict_spoils_what_depends_on_it():
    """Only a failure found before it is known for certain to be the first."""
    early = replace(CHAIN, steps=CHAIN.steps[:2])
    broken_late = ByOutput({"documents": False, "6600": "refused"})
    assert (await Steps("chain", broken_late)(early)).label == "step 1"
    worst = await Steps("chain", broken_late, "min")(early)
    assert isinstance(worst, JudgeFailure)
    assert worst.status == "refused"
    broken_early = await Steps("chain", ByOutput({"documents": "error", "6600": False}))(early)
    assert isinstance(broken_early, JudgeFailure)
    assert "step 1 (search) has no verdict" in broken_early.reason


async def test_no_steps_is_not_applicable():
    """A call without a chain, or without steps of the kinds that are judged."""
    judge = ByOutput({"documents": "na", "6600": "na"})
    assert isinstance(await Steps("chain", judge)(CALL), NotApplicable)
    assert isinstance(await Steps("chain", judge, kinds=("agent",))(CHAIN), NotApplicable)
    assert isinstance(await Steps("chain", judge)(CHAIN), NotApplicable)
    picked = await Steps("chain", ByOutput({"6600": True}), kinds=("tool",))(CHAIN)
    assert picked.details == {"step 2 calculate": True}


async def test_labels_have_no_order():
    """A judge that says words cannot be a judge of steps."""
    verdict = await Steps("chain", ByOutput({"documents": "fine", "6600": "bad"}))(CHAIN)
    assert isinstance(verdict, JudgeFailure)
    assert "is a label" in verdict.reason


async def test_each_step_is_seen_alone():
    """A step has its own span; the chain's reference and rival answer are not its own."""
    seen: list[Interaction] = []

    async def watch(interaction: Interaction) -> Verdict:
        seen.append(interaction)
        return Judgement("watch", True, "yes", "", "")

    chain = replace(
        CHAIN,
        expected="6600",
        other="7",
        other_model="m",
        steps=(*CHAIN.steps, Step("x", "tool", "", "")),
    )
    await Steps("chain", watch)(chain)
    assert [one.span_id for one in seen] == ["sp1", "sp2", "sp3", "s/4"]
    assert {(one.expected, one.other, one.steps) for one in seen} == {("", "", ())}
    assert len({one.key for one in seen}) == 4


async def test_a_jury_in_a_cascade_over_steps():
    """Composition goes to any depth: bound, version and marks come through."""
    jury = panel(True, True, False)
    deep = Steps("chain", Cascade("each", jury, Fixed("full", (False,)), repeats=1, margin=0.5))
    verdict = await deep(CHAIN)
    assert verdict.value is False
    assert deep.models == ("m0", "m1", "m2")
    assert deep.most_usd(CHAIN) == pytest.approx(3 * (0.06 + 0.02))
    assert verdict.usage.requests == 12
    assert deep.most_usd(replace(CHAIN, steps=())) == 0.0
