"""Reading a judge's reply: what counts as a verdict, and that nothing is ever guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.asking.replies import UnreadableError, read
from judges.asking.shapes import Shape, Slot

SHAPE = Shape((Slot("verdict", ("yes", "no", "na")),))


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ('{"verdict": "yes", "reason": "it is"}', "yes"),
        ('  {"reason": "x", "verdict": " NO ", "extra": 1}\n', "no"),
        ('Here it is:\n```json\n{"verdict": "na", "reason": ""}\n```\nBye.', "na"),
        ('```\n{"verdict": "no"}\n```', "no"),
        ("The year is 2023.\nVERDICT: no", "no"),
        ("VERDICT: yes\nWait, the call is in 2024.\nverdict: No.", "no"),
        ("It says 'VERDICT: yes' somewhere.\n**VERDICT: no**", "no"),
        ("```python\nprint(1)\n```\nVERDICT: yes", "yes"),
        ("yes", "yes"),
        ('"No"', "no"),
        ('I think so. {"verdict": "yes", "reason": "it is"} Done.', "yes"),
        ('<think>VERDICT: na, or {}?</think>{"verdict": "yes"}', "yes"),
        ('```json\n{"verdict": "yes"}\n```\n```json\n{"verdict": "YES"}\n```', "yes"),
    ],
)
def test_a_verdict_is_read(text: str, verdict: str):
    """JSON, fenced JSON, or the last VERDICT line."""
    assert read(text, SHAPE).answers["verdict"] == verdict


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I would say 10/10.",
        "VERDICT: maybe",
        "VERDICT:",
        "the verdict: yes or no?",
        '{"verdict": "yes"',
        '{"verdict": "good", "reason": ""}',
        '{"verdict": true}',
        '["yes"]',
        '```json\n{"verdict": "yes"}\n```\n```json\n{"verdict": "no"}\n```',
        '{"verdict": "yes"} {"verdict": "no"}',
        '{"verdict": "yes", "verdict": "no"}',
        '{"verdict": "yes", }',
        '{"x": {"verdict": "yes"}, }',
        '{"verdict": "yes", "reason": "it goes on and on',
        'It says {"verdict": "yes"}, which is wrong.\nVERDICT: no',
        "[" * 100_000,
        "{" * 100_000,
        '{"a":' * 50_000,
    ],
)
def test_anything_else_is_unreadable(text: str):
    """No default, no keyword, no digit; two different verdicts are none."""
    with pytest.raises(UnreadableError):
        read(text, SHAPE)


@given(st.text(max_size=300))
def test_no_text_crashes_the_reader(text: str):
    """Whatever a model writes is either a verdict that was offered, or unreadable."""
    try:
        verdict = read(text, SHAPE).answers["verdict"]
    except UnreadableError:
        return
    assert verdict in {"yes", "no", "na"}


SCORE = Shape((Slot("score", ("1", "2", "3", "4", "5")),))


@pytest.mark.parametrize(("text", "score"), [('{"score": 4}', "4"), ("4", "4"), ("4.0", "4")])
def test_a_number_that_was_offered_is_read(text: str, score: str):
    """JSON numbers count as the options they spell."""
    assert read(text, SCORE).answers == {"score": score}


@pytest.mark.parametrize("text", ["10/10", "4 of 5", '{"score": 0}', '{"score": 4.5}', "45"])
def test_digits_are_not_looked_for(text: str):
    """A digit somewhere in a reply is no score."""
    with pytest.raises(UnreadableError):
        read(text, SCORE)


def test_several_slots_and_counts_are_read_all_or_not_at_all():
    """A checklist with one answer missing is unreadable; a count is a whole number."""
    shape = Shape((Slot("q1", ("yes", "no")), Slot("q2")))
    assert read('{"q1": "no", "q2": 3}', shape).answers == {"q1": "no", "q2": "3"}
    assert read("Q1: yes\nQ2: 12", shape).answers == {"q1": "yes", "q2": "12"}
    for text in ('{"q1": "no"}', "Q1: yes", '{"q1": "no", "q2": -1}', '{"q1": "no", "q2": true}'):
        with pytest.raises(UnreadableError):
            read(text, shape)


def test_a_pattern_of_ones_own_takes_the_last_match():
    """The last match counts and must be an option, also where an earlier one would be."""
    shape = Shape((Slot("choice", ("A", "B"), r"\[\[(\w+)\]\]"),))
    assert read("[[A]] would do, but [[B]]", shape).answers == {"choice": "B"}
    with pytest.raises(UnreadableError):
        read("[[A]] would do, but [[C]]", shape)
