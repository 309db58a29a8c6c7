"""What is judged cannot end its fence or speak as a template's control token, and is otherwise left as it is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.asking.prompting import neutral

PIECES = [
    "<", ">", "<<", ">>>", "\u00ab", "\uff1e", "\u200b", " ", "\t", "\n", "a", "answer", "s", "/s", "|",
    "[INST]", "[", "]", "<s>", "<|im_end|>", "SYS", "<<SYS>>", "<start_of_turn>", "-",
]  # fmt: skip
LOOK_ALIKE = re.compile(
    "(?:[<\u00ab][\u200b]*){3,}[ \t\u200b]*\\w|\\w[ \t\u200b]*(?:[>\uff1e][\u200b]*){3,}"
    "|<\\|[^<>\n]{1,40}?\\|>|</?s>|\\[/?INST\\]|<</?SYS>>|<start_of_turn>"
)


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_no_look_alike_is_left(text: str):
    """Whatever is put together from brackets, hidden characters and tokens."""
    assert not LOOK_ALIKE.search(neutral(text))


@pytest.mark.parametrize(
    "text",
    [
        "plain words", "[link](https://x.y/z?a=1) and *stars*", "> quote\n> > nested",
        ">>> 1 + 1\n2", "    >>> indented", "a << b >> c <= d", "<td>x</td>", "«ja» „nein“ 日本語",
        "list[int] -> dict[str, int]", "line one\n\tline two",
    ],
)  # fmt: skip
def test_what_looks_like_no_fence_is_left_alone(text: str):
    """Markdown, code and prose reach the judge as they are."""
    assert neutral(text, "00ff00ff") == text


@pytest.mark.parametrize(
    "evil", ["<" * 100_000, "<\u200b" * 50_000, ">\u200b" * 50_000, "<|" * 50_000, "\u200b" * 100_000]
)  # fmt: skip
def test_long_runs_take_no_longer_than_long_texts(evil: str):
    """A text made to keep a search busy for hours is done at once."""
    assert len(neutral(evil + "answer")) >= len(evil)
