"""Candidate against production: what the gate says, and on what."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from monitor.curation.messages import answer, chat_messages, completed
from monitor.retrain.answers import is_json, is_right
from monitor.retrain.compare import Opinions, TestCall, Trouble, compare_answers, holm
from monitor.retrain.findings import Comparison, Gate, JudgeDifference, Limits, Usage

TURN = datetime(2024, 1, 1, tzinfo=UTC)
RIGHT = json.dumps({"due_date": "2024-01-15", "amount": 10.0})
SINCE = Trouble(TURN)
WRONG = json.dumps({"due_date": "2023-01-15", "amount": 10.0})


def calls(n: int, *, production: int, candidate: int, before: bool = False) -> list[TestCall]:
    """`n` calls of which production gets the first ones wrong, the candidate the last ones."""
    at = TURN + timedelta(days=-1 if before else 1)
    return [
        TestCall(
            at, RIGHT, WRONG if i < production else RIGHT, WRONG if i >= n - candidate else RIGHT
        )
        for i in range(n)
    ]


def gate(result: Comparison, name: str) -> Gate:
    """One gate by its name."""
    return next(one for one in result.gates if one.name == name)


def test_better_where_it_failed_and_not_worse_before() -> None:
    """A cured regression that keeps what worked is `better`, with its interval below zero."""
    result = compare_answers(
        [
            *calls(300, production=15, candidate=1),
            *calls(300, production=2, candidate=1, before=True),
        ],
        trouble=Trouble(TURN, "due_date"),
    )
    since = next(one for one in result.slices if one.value == "since")
    assert result.advice == "better"
    assert since.high < 0
    assert since.p_value < 0.01
    assert result.n == 600
    assert (result.production.count, result.candidate.count) == (17, 2)
    assert "due_date" in result.sentence


def test_a_cure_that_forgets_the_past_is_worse() -> None:
    """Gaining after the turn does not pay for losing before it."""
    result = compare_answers(
        [
            *calls(300, production=30, candidate=1),
            *calls(300, production=2, candidate=30, before=True),
        ],
        trouble=SINCE,
    )
    assert result.advice == "worse"
    assert "before the change" in result.sentence


def test_the_same_answers_are_not_worse() -> None:
    """Enough calls without a difference exclude a rise above the margin."""
    assert (
        compare_answers(calls(800, production=0, candidate=0), trouble=SINCE).advice == "not_worse"
    )


@pytest.mark.parametrize("n", [0, 1, 20])
def test_few_calls_decide_nothing(n: int) -> None:
    """Twenty calls without a difference are no proof of anything, and none are none."""
    result = compare_answers(calls(n, production=0, candidate=0), trouble=SINCE, unlabelled=7)
    assert result.advice == "too_few"
    assert f"{n} of {n + 7} calls" in result.sentence


def test_fields_are_told_apart() -> None:
    """The slice of a field counts that field's errors only."""
    result = compare_answers(calls(100, production=10, candidate=0), trouble=SINCE)
    fields = {one.value: one.production.count for one in result.slices if one.attribute == "field"}
    assert fields == {"amount": 0, "due_date": 10}


def test_garbage_and_failed_requests_count_as_wrong() -> None:
    """What is no JSON, or never came, is a wrong answer of the candidate."""
    test = [
        TestCall(TURN, RIGHT, RIGHT, None),
        TestCall(TURN, RIGHT, RIGHT, "<html>"),
        TestCall(TURN, RIGHT, RIGHT, "[]"),
    ]
    result = compare_answers(test, trouble=SINCE)
    assert (result.candidate.count, result.production.count, result.request_failures) == (3, 0, 1)


def test_a_partial_label_judges_its_own_fields_only() -> None:
    """An outcome that knows one field does not condemn the others."""
    known = json.dumps({"due_date": "2024-01-15"})
    assert (
        compare_answers([TestCall(TURN, known, WRONG, RIGHT)], trouble=SINCE).candidate.count == 0
    )


def test_labels_that_are_plain_text_are_compared_whole() -> None:
    """A label that is no JSON object must be met exactly, but for space around it."""
    result = compare_answers([TestCall(TURN, "refund", "refund ", "Refund")])
    assert (result.production.count, result.candidate.count) == (0, 1)


def test_production_and_candidate_alike_are_never_better() -> None:
    """All equal and all wrong alike are no gain, however many calls there are."""
    equal = compare_answers(calls(400, production=0, candidate=0), trouble=SINCE)
    wrong = compare_answers(calls(400, production=400, candidate=400), trouble=SINCE)
    assert (equal.advice, wrong.advice) == ("not_worse", "not_worse")
    assert (wrong.candidate.value, wrong.difference, wrong.p_value) == (1.0, 0.0, 1.0)
    assert gate(wrong, "better where it failed").state == "undecided"


def test_every_difference_says_what_it_could_have_shown() -> None:
    """More calls show smaller differences, and a handful shows none."""
    small, large = (
        compare_answers(calls(n, production=0, candidate=0), trouble=SINCE) for n in (100, 1000)
    )
    assert small.smallest is not None
    assert large.smallest is not None
    assert large.smallest < 0.01 < small.smallest < 0.1
    assert "1000 calls show 0.8% 4 times in 5" in large.sentence
    assert compare_answers(calls(3, production=0, candidate=3)).smallest is None


def test_a_failing_slice_is_where_the_candidate_must_be_better() -> None:
    """With the incident in one tenant, a gain elsewhere does not count, and one there does."""
    acme = [
        replace(one, attributes={"tag tenant": "acme"})
        for one in calls(100, production=20, candidate=0)
    ]
    rest = [
        replace(one, attributes={"tag tenant": "zeta"})
        for one in calls(400, production=2, candidate=2)
    ]
    trouble = Trouble(TURN, root={"tag tenant": "acme"})
    result = compare_answers([*acme, *rest], trouble=trouble)
    assert result.slices[0].attribute == "failing slice"
    assert (result.slices[0].n, result.advice) == (100, "better")
    assert "failing slice (tag tenant=acme)" in result.sentence
    cured_elsewhere = [
        *calls(400, production=40, candidate=0),
        *(replace(one, candidate=one.production) for one in acme),
    ]
    assert compare_answers(cured_elsewhere, trouble=trouble).advice != "better"


def test_harm_in_one_tag_is_found_among_many() -> None:
    """A tenant that gets worse fails its gate by Holm's p-value; chance over ten tenants does not."""
    spread = [
        replace(one, attributes={"tag tenant": f"t{place % 20}"})
        for place, one in enumerate(calls(1000, production=60, candidate=0))
    ]
    harmed = [
        replace(one, candidate=WRONG) if one.attributes == {"tag tenant": "t7"} else one
        for one in spread
    ]
    fine, bad = (compare_answers(one, trouble=SINCE) for one in (spread, harmed))
    assert fine.advice == "better"
    assert bad.advice == "worse"
    assert "tag tenant t7 most" in gate(bad, "no part worse").sentence


def test_chance_over_many_parts_is_no_harm() -> None:
    """Where nothing differs but luck, parts are called worse in at most 5 % of the comparisons."""
    rng, alarms = np.random.default_rng(3), 0
    for _ in range(20):
        wrong = rng.random((2, 300)) < 0.1
        test = [
            TestCall(
                TURN, RIGHT, WRONG if one else RIGHT, WRONG if other else RIGHT,
                {"tag tenant": str(place % 10)},
            )
            for place, (one, other) in enumerate(wrong.T)
        ]  # fmt: skip
        alarms += gate(compare_answers(test, trouble=SINCE), "no part worse").state == "failed"
    assert alarms <= 3


def test_invalid_answers_hold_a_candidate_up() -> None:
    """A candidate that is right more often but answers in prose too often is blocked, not better."""
    test = calls(600, production=60, candidate=0)
    prose = [
        replace(one, candidate="Sure! " + RIGHT, label="") if place % 10 == 9 else one
        for place, one in enumerate(test)
    ]
    result = compare_answers(prose, trouble=SINCE)
    assert result.advice == "blocked"
    assert "60 of 600 answers invalid against 0" in gate(result, "valid answers").sentence
    assert (result.n, result.asked) == (540, 600)


def timed(n: int, *, ms: float, tokens: int = 100, cost: float | None = 0.001) -> list[TestCall]:
    """A cure whose answers take so long, with production at 300 ms, 100 + 20 tokens and $0.001."""
    rng = np.random.default_rng(n)
    return [
        replace(
            one,
            production_usage=Usage(300 * scale, 100, 20, 0.001),
            candidate_usage=Usage(ms * scale, tokens, 20, cost),
        )
        for one, scale in zip(
            calls(n, production=40, candidate=0), rng.lognormal(0, 0.3, n), strict=True
        )
    ]


def test_a_slow_or_dear_candidate_is_blocked_beyond_doubt_only() -> None:
    """Ratios come with intervals; above the limit for certain blocks, and a rise nobody feels does not."""
    rng = np.random.default_rng(1)
    quick, slow, dear, verbose = (
        compare_answers(one, trouble=SINCE, rng=rng)
        for one in (
            timed(400, ms=450),
            timed(400, ms=1500),
            timed(400, ms=300, cost=0.004),
            timed(400, ms=300, tokens=900, cost=None),
        )
    )
    assert (quick.advice, slow.advice, dear.advice) == ("better", "blocked", "blocked")
    [median] = [one for one in slow.measures if one.name == "median duration"]
    assert median.low < 5 < median.high
    assert gate(slow, "latency").state == "failed"
    assert gate(dear, "cost").state == gate(verbose, "cost").state == "failed"
    assert "tokens" in gate(verbose, "cost").sentence
    unknown = compare_answers(calls(400, production=40, candidate=0), trouble=SINCE, rng=rng)
    assert gate(unknown, "latency").state == "undecided"
    assert unknown.advice == "better"


def test_a_judge_that_likes_it_less_is_a_gate() -> None:
    """A significant loss with a judge is `worse`; a refused judge and a chance loss are not."""
    lost = JudgeDifference(
        "polite", "yes_no", "higher", 100, 0.9, 0.7, -0.2, -0.3, -0.1, 0.001, "exact McNemar",
        adjusted_p=0.002,
    )  # fmt: skip
    test = calls(400, production=40, candidate=0)
    for judge, advice in (
        (lost, "worse"),
        (replace(lost, direction="lower"), "better"),
        (replace(lost, adjusted_p=0.2), "better"),
        (replace(lost, n=0, refused="it is the candidate itself"), "better"),
    ):
        result = compare_answers(test, trouble=SINCE, opinions=Opinions([judge]))
        assert result.advice == advice
    assert gate(result, "judges not worse").state == "undecided"


def test_limits_are_settings() -> None:
    """A stricter margin and a larger least number leave the same calls undecided."""
    test = [
        *calls(400, production=40, candidate=0),
        *calls(300, production=2, candidate=2, before=True),
    ]
    assert compare_answers(test, trouble=SINCE).advice == "better"
    strict = compare_answers(test, trouble=SINCE, limits=Limits(margin=0.005))
    many = compare_answers(test, trouble=SINCE, limits=Limits(min_calls=5000))
    assert (strict.advice, many.advice) == ("too_few", "too_few")
    assert "below +0.5%" in strict.sentence
    assert "at least 5000" in many.sentence


def test_a_claim_of_not_worse_keeps_its_level() -> None:
    """A candidate that forgets just the margin is called not worse in few of the comparisons."""
    rng, passed = np.random.default_rng(8), 0
    for _ in range(120):
        wrong = rng.random((2, 300)) < np.array([[0.03], [0.05]])
        test = [
            TestCall(TURN, RIGHT, WRONG if one else RIGHT, WRONG if other else RIGHT)
            for one, other in wrong.T
        ]
        passed += gate(compare_answers(test), "not worse elsewhere").state == "passed"
    assert passed / 120 <= 0.05


def test_holm_never_falls_below_what_was_given() -> None:
    """Adjusted p-values keep the order, are no smaller, and no p-values are none."""
    assert holm([]) == []
    given = [0.2, 0.001, 0.04, 0.04]
    adjusted = holm(given)
    assert all(a >= p for a, p in zip(adjusted, given, strict=True))
    assert adjusted[1] == 0.004


@pytest.mark.parametrize(
    ("label", "text", "right"),
    [
        ('{"ok": true}', '{"ok": 1}', False),
        ('{"n": 1}', '{"n": 1.0}', True),
        ('{"name": "Zoë 👩\u200d🔬"}', '{"name": "Zo\\u00eb 👩\u200d🔬"}', True),
        ('{"a": null}', "{}", False),
        ('{"a": null}', '{"a": null}', True),
        ("日本", " 日本\n", True),
        ("", "", True),
        ("[1, 2]", "[2, 1]", False),
        (
            '{"role": "assistant", "tool_calls": [{"id": "1", "name": "f", "arguments": {"a": 1}}]}',
            '{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{\\"a\\": 1}"}}]}',
            True,
        ),
        ('{"role": "assistant", "tool_calls": [{"name": "f", "arguments": {}}]}', "{}", False),
    ],
)
def test_right_is_a_matter_of_meaning(label: str, text: str, right: bool) -> None:
    """Escapes, ids and space do not matter; types, order and missing fields do."""
    assert is_right(label, text) is right


def test_json_is_json_only() -> None:
    """Fences, prose, NaN and a nesting that nobody can read are no JSON."""
    assert [is_json(one) for one in ("{}", "```{}```", "NaN", "[" * 100_000, "")] == [
        True, False, False, False, False,
    ]  # fmt: skip


def test_tool_calls_keep_their_shape() -> None:
    """A tool call and its result become OpenAI's messages."""
    call = {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}}
    result = {"type": "tool_call_response", "id": "c1", "response": {"ok": True}}
    text = json.dumps([
        {"role": "assistant", "parts": [call]},
        {"role": "tool", "parts": [result]},
    ])  # fmt: skip
    first, second = chat_messages(text)
    assert first["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    ]
    assert second == {"role": "tool", "tool_call_id": "c1", "content": '{"ok": true}'}


def test_a_correction_is_completed_with_what_it_did_not_touch() -> None:
    """The answer to learn from has every field, the corrected one corrected."""
    assert answer(completed('{"due_date": "2024-01-15"}', WRONG)) == answer(RIGHT)
