"""Field by field, comparator by comparator: what counts as the same, how nearly, and who says so."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from judges.checks.comparators import (
    AskedBy,
    Contains,
    Date,
    Embedding,
    Exact,
    ListF1,
    Number,
    SetF1,
    Text,
    TextEM,
    TextF1,
    contains,
    exact_match,
    f1,
)
from judges.checks.fields import Fields, Match
from judges.checks.grounded import Grounded
from judges.checks.json_answers import JsonSchema, PydanticModel
from judges.checks.labels import INVALID, classification_report
from judges.checks.refusals import Refusal
from judges.checks.similarity import Batched, Similarity
from judges.checks.wording import Language
from judges.interaction import Interaction, JudgeFailure, Judgement, NotApplicable, Usage, Verdict

DATA = Path(__file__).parents[1] / "data" / "judges"


def answered(output: Any, expected: Any = "") -> Interaction:
    """An interaction with this answer, where that is the right one."""
    texts = [one if isinstance(one, str) else json.dumps(one) for one in (output, expected)]
    at = datetime(2024, 1, 5, tzinfo=UTC)
    return Interaction("t1", "s1", at, input="When?", output=texts[0], expected=texts[1])


@pytest.mark.parametrize(
    "file", sorted((DATA / "json_schema_suite").glob("*.json")), ids=lambda f: f.stem
)
def test_the_official_schema_suite(file: Path):
    """Every test is right, refused with its reason, or needs a schema of another server."""
    asyncio.run(run_suite(json.loads(file.read_text("utf-8"))))


async def run_suite(cases: list[dict[str, Any]]) -> None:
    """Judge every test of a file of the suite."""
    for case in cases:
        elsewhere = "localhost:1234" in json.dumps(case["schema"])
        try:
            check = JsonSchema(case["schema"])
        except ValueError as error:
            assert "is not a 'regex'" in str(error)  # noqa: PT017 - one of many cases of a file
            continue
        for test in case["tests"]:
            verdict = await check(answered(json.dumps(test["data"])))
            if isinstance(verdict, JudgeFailure):
                assert elsewhere, test
            elif not elsewhere:
                assert verdict.value is test["valid"], test


async def test_a_pydantic_model_names_the_failing_path():
    """The model is found by its place; types are not converted unless asked for."""
    given = "judges.definitions.comparison_kinds:NumberComparison"
    good, bad = (
        answered({"by": "number", "tolerance": 0.5}),
        answered({"by": "number", "tolerance": "1"}),
    )
    assert (await PydanticModel(given)(good)).value is True
    verdict = await PydanticModel(given)(bad)
    assert verdict.reason == "tolerance: Input should be a valid number"
    assert (await PydanticModel(given, strict=False)(bad)).value is True
    assert (await PydanticModel(given)(answered("no json"))).reason.startswith("not JSON")
    with pytest.raises(ValueError, match=r"write package\.module:Class"):
        PydanticModel("judges.nowhere:Model")
    with pytest.raises(ValueError, match="no pydantic model"):
        PydanticModel("judges.checks.comparators:Exact")


@pytest.mark.parametrize(
    ("comparator", "given", "expected", "score"),
    [
        (Number(1), 5, 6, 1),
        (Number(relative=0.1), 111, 100, 0),
        (Number(relative=0.1), -109, -100, 1),
        (Number(text=True), "-5", 5, 0),
        (Number(), True, 1, 0),
        (Number(), 10**400, 10**400, 1),
        (Date(spelt=True), "1/2/2024", "2024-02-01", 1),
        (Date(), 5, 5, 1),
        (TextEM(), "the CAT.", "cat", 1),
        (TextF1(), "", "", 1),
        (TextF1(), "cat sat", "the cat", 2 / 3),
        (TextF1(), "cat", ["dog", "a cat"], 1),
        (Contains(), "a cat sat", ["dog", "cat sat"], 1),
        (Contains(), "anything", "", 0),
        (SetF1(), ["a", "A", "b"], ["b", "a"], 1),
        (SetF1(), [1, "1"], [1], 2 / 3),
        (SetF1(), [], [], 1),
        (SetF1(), "a", ["a"], 0),
        (ListF1(), ["a", "a"], ["a"], 2 / 3),
        (ListF1(), [{"a": 1.0}], [{"a": 1}], 1),
        (ListF1(ordered=True), ["a", "b", "c"], ["c", "b", "a"], 1 / 3),
    ],
)
def test_comparators_score_from_nothing_to_all(
    comparator: Any, given: Any, expected: Any, score: float
):
    """0 is nothing in common, 1 as good as the same."""
    assert float(comparator(given, expected)) == pytest.approx(score)


def test_question_answering_measures():
    """Exact match, F1 and contains take several right answers and SQuAD's normalisation."""
    assert exact_match("The Beatles", ["beatles", "Queen"])
    assert f1("John Lennon of the Beatles", ["Lennon", "The Beatles"]) == pytest.approx(0.4)
    assert contains("It was the Beatles!", ["beatles"])
    assert not exact_match("", ["x"])
    assert f1("x", []) == 0
    assert not contains("x", ["the"])


async def test_lists_are_compared_member_by_member():
    """`*` pairs by place; what is missing or too much is wrong and named."""
    judge = Fields({"items.*.price": Number(0.01), "total": Exact()})
    verdict = await judge(
        answered(
            {"items": [{"price": 1}, {"price": 5}, {"price": 9}], "total": 15},
            {"items": [{"price": 1}, {"price": 2}], "total": 15},
        )
    )
    assert isinstance(verdict, Judgement)
    assert verdict.value == pytest.approx((1 / 3 + 1) / 2)
    assert verdict.details["micro"] == pytest.approx(2 / 4)
    assert verdict.reason == "items.1.price: 5, expected 2; items.2.price: 9, expected nothing"


async def test_members_can_be_paired_by_a_key():
    """`items[sku]` takes members with the same key for each other, in whatever order they stand."""
    judge = Fields({"items[sku].price": Exact()})
    expected = {"items": [{"sku": "A", "price": 1}, {"sku": "B", "price": 2}]}
    swapped = {"items": [{"sku": "b", "price": 2}, {"sku": "A", "price": 1}]}
    assert (await judge(answered(swapped, expected))).value == 1
    verdict = await judge(answered({"items": [{"sku": "A", "price": 1}]}, expected))
    assert (verdict.value, verdict.reason) == (0.5, "items[b].price: nothing, expected 2")


@pytest.mark.parametrize(
    ("given", "expected", "value"),
    [
        ({"items": []}, {"items": []}, 1),
        ({}, {}, 1),
        ({"items": []}, {"items": [{"price": 1}]}, 0),
        ({"items": None}, {"items": [{"price": 1}]}, 0),
        ({"items": "none"}, {}, 0),
        ([], {"items": []}, 0),
    ],
)
async def test_empty_and_missing_lists(given: Any, expected: Any, value: float):
    """Two empty lists are the same; a list is not what is no list."""
    assert (await Fields({"items.*.price": Exact()})(answered(given, expected))).value == value


async def test_strict_fields_name_what_nobody_asked_for():
    """A field that the expected answer lacks is wrong, inside of objects and lists too."""
    judge = Fields({"a": Exact()}, strict=True)
    verdict = await judge(answered({"a": 1, "b": {"c": 2}}, {"a": 1}))
    assert (verdict.value, verdict.reason) == (0.5, "b.c: 2, expected nothing")


async def test_the_mean_of_the_scores_can_be_the_value():
    """`share` counts what is above a comparator's threshold, `mean` takes the scores as they are."""
    call = answered({"a": "x y"}, {"a": "x z"})
    for threshold, share in ((0.5, 1), (0.6, 0)):
        fields = {"a": TextF1(threshold)}
        assert (await Fields(fields)(call)).value == share
        assert (await Fields(fields, value="mean")(call)).value == pytest.approx(0.5)


@dataclass(frozen=True, slots=True)
class Agreeable:
    """A judge that says what it was told to say, for a price."""

    verdict: Verdict
    name: str = "agreeable"
    version: str = "1"

    async def __call__(self, _: Interaction) -> Verdict:
        """Say it."""
        return self.verdict

    def most_usd(self, _: Interaction) -> float | None:
        """Two cents."""
        return 0.02


PAID = Usage("m", 10, 1, 0.01, 1)


@pytest.mark.parametrize(
    ("verdict", "value", "usd"),
    [
        (Judgement("j", 0.6, "B", "", "1", PAID), 1.0, 0.01),
        (Judgement("j", value=False, label="no", reason="", version="1", usage=PAID), 0.5, 0.01),
    ],
)
async def test_a_judge_compares_and_is_paid(verdict: Verdict, value: float, usd: float):
    """Values that are the same cost nothing; the rest is asked, and the price is told before and after."""
    judge = Fields({"a": AskedBy(Agreeable(verdict)), "b": AskedBy(Agreeable(verdict))})
    call = answered({"a": "soon", "b": 1}, {"a": "in a while", "b": 1})
    assert judge.most_usd(call) == pytest.approx(0.04)
    said = await judge(call)
    assert (said.value, said.usage.cost_usd) == (value, usd)


@pytest.mark.parametrize(
    "verdict",
    [
        Judgement("j", 4.0, "4", "", "1", PAID),
        JudgeFailure("j", "1", "no idea", "raw", "refused", PAID),
    ],
)
async def test_a_judge_that_cannot_say_fails_the_whole(verdict: Verdict):
    """A grade of 4 is no share, and a failure no zero; what it cost is still told."""
    for judge in (Fields({"a": AskedBy(Agreeable(verdict))}), Match(AskedBy(Agreeable(verdict)))):
        said = await judge(answered({"a": 1}, {"a": 2}))
        assert isinstance(said, JudgeFailure)
        assert (said.name, said.version, said.usage.cost_usd) == (judge.name, judge.version, 0.01)


async def test_a_judge_may_have_nothing_to_say():
    """A field to which its question does not apply leaves the denominator."""
    silent = AskedBy(Agreeable(NotApplicable("j", "empty", "1")))
    call = answered({"a": 1, "b": 2}, {"a": 2, "b": 3})
    assert (await Fields({"a": silent, "b": Exact()})(call)).value == 0
    assert isinstance(await Fields({"a": silent})(call), NotApplicable)


async def test_a_comparator_that_raises_is_a_failure():
    """Somebody's own comparator cannot bring a run down."""
    said = await Fields({"a": lambda *_: 1 / 0})(answered({"a": 1}, {"a": 2}))
    assert isinstance(said, JudgeFailure)
    assert "ZeroDivisionError" in said.reason


async def test_a_whole_answer_is_matched():
    """Text against text, or against a list of right ones."""
    assert (await Match(TextEM())(answered("Paris.", "paris"))).value is True
    assert (await Match(TextEM())(answered("Paris", ["Lyon", "Paris"]))).value is True
    verdict = await Match(TextF1(), scored=True)(answered("in Paris", "Paris"))
    assert verdict.value == pytest.approx(2 / 3)
    assert isinstance(await Match(Text())(answered("Paris")), JudgeFailure)


def test_a_version_knows_its_judge_and_its_encoder():
    """Another judge or another encoder makes another version."""
    one, two = (Agreeable(NotApplicable("j", "", "1"), version=v) for v in "12")
    versions = {
        Fields({"a": AskedBy(one)}).version,
        Fields({"a": AskedBy(two)}).version,
        Fields({"a": Embedding(letters, "x")}).version,
        Fields({"a": Embedding(letters, "y")}).version,
    }
    assert len(versions) == 4


def letters(texts: Any) -> Any:
    """An encoder: how often each letter occurs."""
    return np.array([[text.lower().count(chr(97 + n)) for n in range(26)] for text in texts])


async def test_similarity_is_a_cosine():
    """1 for the same direction, 0 for none in common or no direction, a failure without a reference."""
    judge = Similarity(letters, "letters")
    assert (await judge(answered("abc", "cab"))).value == pytest.approx(1)
    assert (await judge(answered("abc", "xyz"))).value == 0
    assert (await judge(answered("123", "xyz"))).value == 0
    assert isinstance(await judge(answered("abc")), JudgeFailure)
    fields = Fields({"a": Embedding(letters, "letters", 0.9)})
    assert (await fields(answered({"a": "abc"}, {"a": "abcd"}))).value == 0


async def test_judgements_at_the_same_time_share_calls_of_the_encoder():
    """A hundred of them take one call; what the encoder raises reaches every one of them."""
    sizes: list[int] = []

    def counted(texts: Any) -> Any:
        sizes.append(len(texts))
        return letters(texts)

    judge = Similarity(Batched(counted, batch=400), "letters")
    verdicts = await asyncio.gather(*(judge(answered("abc", "abd")) for _ in range(100)))
    assert sizes == [200]
    assert {round(verdict.value, 6) for verdict in verdicts} == {round(2 / 3, 6)}
    broken = Similarity(Batched(lambda _: np.zeros(3)), "letters")
    failed = await asyncio.gather(*(broken(answered("abc", "abd")) for _ in range(3)))
    assert all(isinstance(one, JudgeFailure) and "finite rows" in one.reason for one in failed)


def test_a_classification_report():
    """By hand: a has 2 of 3 right, b 1 of 2, one answer is no label; the intervals hold their values."""
    pairs = [("a", "a"), ("a", "a"), ("a", "b"), ("b", "b"), ("b", "nonsense")]
    report = classification_report(pairs)
    first, second = report.labels
    assert (first.precision.value, first.recall.value) == (1, pytest.approx(2 / 3))
    assert (second.precision.value, second.recall.value, second.invalid) == (0.5, 0.5, 1)
    assert report.accuracy.value == pytest.approx(0.6)
    assert report.invalid.value == pytest.approx(0.2)
    assert report.macro_f1.value == pytest.approx((0.8 + 0.5) / 2)
    assert report.micro_f1.value == pytest.approx(2 * 3 / (4 + 5))
    assert report.weighted_f1 == pytest.approx((3 * 0.8 + 2 * 0.5) / 5)
    assert report.confusion["b", INVALID] == 1
    assert report.macro_f1.low < report.macro_f1.value < report.macro_f1.high
    assert "b              0.500   0.500   0.500        2        1" in report.table()


def test_labels_that_never_occur_are_told_apart():
    """A label that nobody says has no precision; one outside the list is a mistake."""
    report = classification_report([("a", "a")], labels=["a", "b"])
    assert (report.labels[1].precision, report.labels[1].f1) == (None, None)
    assert report.macro_f1.value == 1
    with pytest.raises(ValueError, match="got c"):
        classification_report([("c", "a")], labels=["a"])
    with pytest.raises(ValueError, match="no pairs"):
        classification_report([])


def test_the_macro_f1_interval_covers():
    """Over 400 draws of 200 items the delta method's 95 % interval holds the truth about as often."""
    rng = np.random.default_rng(5)
    cells = [(r, s) for r in "abc" for s in "abc"]
    shares = np.array([0.4, 0.05, 0.05, 0.04, 0.2, 0.06, 0.03, 0.05, 0.12])
    every = [
        cell for cell, share in zip(cells, shares, strict=True) for _ in range(round(share * 100))
    ]
    truth = classification_report(every).macro_f1.value
    held = 0
    for _ in range(400):
        drawn = [cells[place] for place in rng.choice(9, size=200, p=shares)]
        score = classification_report(drawn).macro_f1
        held += score.low <= truth <= score.high
    assert 0.915 <= held / 400 <= 0.975


async def test_absurd_nesting_is_no_crash():
    """A document as deep as the parser takes ends as a verdict, whatever looks into it."""
    deep = "[" * 900 + '"2024-01-15"' + "]" * 900
    for judge in (
        Fields({"$": Exact()}, strict=True),
        Fields({"$": SetF1()}),
        Grounded(),
        Language(("en",)),
        Refusal(),
    ):
        assert (await judge(answered(deep, deep))).name == judge.name
