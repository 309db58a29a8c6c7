"""Snapshots: what a value was, bounded and masked, without running the app's code."""

from __future__ import annotations

import enum
import json
import threading
from collections import namedtuple
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.sdk.json_text import quote, to_json
from monitor.sdk.secrecy import also_secret, is_secret
from monitor.sdk.snapshot import Budget, snapshot


class Colour(enum.Enum):
    """An enumeration."""

    RED = "red"


class Model(pydantic.BaseModel):
    """A pydantic model whose serialiser must not be called."""

    name: str
    token: str = "hunter2"

    @pydantic.model_serializer
    def _never(self) -> Any:
        raise AssertionError


@dataclass(slots=True)
class Slotted:
    """A dataclass without a __dict__."""

    number: int


Point = namedtuple("Point", "x y")  # noqa: PYI024 - the old kind has to work too


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2024, 1, 1, tzinfo=UTC), "2024-01-01 00:00:00+00:00"),
        (Decimal("1.50"), "1.50"),
        (PurePosixPath("/a"), "/a"),
        (Colour.RED, "red"),
        (b"12345", "<5 bytes>"),
        (Point(1, 2), {"x": 1, "y": 2}),
        (Slotted(3), {"number": 3}),
        (Model(name="n"), {"name": "n", "token": "***"}),
        (np.float64(1.5), 1.5),
        (np.int32(7), 7),
        (
            np.zeros((2, 3)),
            {"type": "numpy.ndarray", "shape": [2, 3], "dtype": "float64", "head": [0.0] * 6},
        ),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "<image/png, 108 bytes>"),
        (bytearray(b"RIFF....WAVEfmt "), "<audio/wav, 16 bytes>"),
        (memoryview(b"12345678"), "<8 bytes>"),
        ({1: {"a"}}, {"1": ["a"]}),
        (ValueError("x"), {"type": "ValueError", "args": ["x"]}),
        (threading.local, "<type>"),
    ],
)
def test_every_kind_of_value(value: Any, expected: Any) -> None:
    """Known kinds become plain data; unknown ones their type's name."""
    assert snapshot(value, Budget(1000)) == expected


def test_tables_are_summarised() -> None:
    """A DataFrame is its shape, its columns and its first rows."""
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    copy = snapshot(frame, Budget(1000))
    assert copy["shape"] == [2, 2]
    assert copy["columns"] == ["a", "b"]
    assert copy["head"] == [[1, "x"], [2, "y"]]
    long = snapshot(pd.DataFrame({"n": range(10_000)}), Budget(10_000))
    assert (long["shape"], long["head"]) == ([10_000, 1], [[0], [1], [2]])
    assert snapshot(pd.Series([1.5, 2.5]), Budget(100))["head"] == [1.5, 2.5]


def test_circles_and_depth_end() -> None:
    """A value that contains itself says so; what is too deep is cut."""
    circle: list[Any] = []
    circle += [circle, {"me": circle}, circle]
    assert snapshot(circle, Budget(1000)) == ["<cycle>", {"me": "<cycle>"}, "<cycle>"]
    shared = [1]
    assert snapshot([shared, shared], Budget(1000)) == [[1], [1]]
    deep: list[Any] = []
    for _ in range(50):
        deep = [deep]
    budget = Budget(1000)
    assert json.loads(to_json(snapshot(deep, budget)))
    assert budget.cut


def test_huge_containers_are_left_early() -> None:
    """A million items cost what the budget allows, not what there is."""
    budget = Budget(1000)
    assert len(snapshot(list(range(1_000_000)), budget)) <= 251
    assert budget.cut


def test_further_secret_words() -> None:
    """An app adds its own words; they are matched as words, joined or not."""
    also_secret(("ssn", "card number"))
    assert is_secret("ssn")
    assert is_secret("customerSSN")
    assert is_secret("card_number")
    assert not is_secret("lesson")
    also_secret(())
    assert not is_secret("ssn")


def test_pictures_keep_only_their_head() -> None:
    """A data URL is its type and size."""
    picture = "data:image/png;base64," + "A" * 5000
    assert snapshot(picture, Budget(1000)) == "data:image/png;base64,<5022 characters>"


def test_secret_names() -> None:
    """Names are read word by word, however they are written."""
    assert all(
        is_secret(name) for name in ("token", "API_KEY", "x-api-key", "clientSecret", "DB_PASSWORD")
    )
    assert not any(
        is_secret(name) for name in ("max_tokens", "tokens", "author", "monkey", "secretary", "")
    )


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=50),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text("abc", max_size=5), inner, max_size=5)
    ),
    max_leaves=50,
)


@settings(max_examples=60)
@given(JSON, st.integers(0, 400))
def test_any_budget_gives_valid_json(value: Any, limit: int) -> None:
    """Whatever is cut, the text stays JSON; where nothing is cut, it is the value itself."""
    budget = Budget(limit)
    read = json.loads(to_json(snapshot(value, budget)))
    assert budget.cut or read == value


@pytest.mark.parametrize(
    "odd", [chr(code) for code in range(32)] + ['"', "\\", "\x7f", "é", "\ud800"]
)
@pytest.mark.parametrize("around", ["", "a" * 200, "ü" * 200])
def test_a_text_is_quoted_as_the_standard_library_does(odd: str, around: str) -> None:
    """Short or long, plain or not: the same JSON, wherever the odd character stands."""
    for text in (odd + around, around + odd, around + odd + around):
        written = json.dumps(text, ensure_ascii=False)
        assert quote(text) == written.encode("utf-8", "replace")
        assert to_json(text) == written
