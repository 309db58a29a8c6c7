"""Reading a judge's reply: what counts as a verdict, and that nothing is ever guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.replies import UnreadableError, read


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
    ],
)
def test_a_verdict_is_read(text: str, verdict: str):
    """JSON, fenced JSON, or the last VERDICT line."""
    assert read(text).verdict == verdict


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yes",
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
    ],
)
def test_anything_else_is_unreadable(text: str):
    """No default, no keyword, no digit; two different verdicts are none."""
    with pytest.raises(UnreadableError):
        read(text)


@given(st.text(max_size=300))
def test_no_text_crashes_the_reader(text: str):
    """Whatever a model writes is either a verdict that was offered, or unreadable."""
    try:
        verdict = read(text).verdict
    except UnreadableError:
        return
    assert verdict in {"yes", "no", "na"}
