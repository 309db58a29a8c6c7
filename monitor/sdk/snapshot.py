"""Values as they are now, as plain data: bounded, masked, and without running the app's code.

Text, numbers, booleans and None cannot change, so they are kept by reference and cost nothing.
Everything else is copied here, in the app's thread, because the app may change it as soon as the
call returns; turning the copy into JSON text is left to the background thread. No `repr`, `str`,
property or serialiser of the app's classes is ever called: an object of a kind that we do not know
is written as `<module.Class>`.
"""

from __future__ import annotations

import math
import re
from collections import deque
from enum import Enum
from functools import cache, lru_cache
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["LEAVES", "MASK", "Budget", "is_secret", "read_json", "snapshot", "to_json"]

LEAVES = frozenset({int, float, bool, type(None)})
"""Types that are kept as they are."""
MASK = "***"
DEEPEST = 12
SECRET_WORDS = frozenset(
    {
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "authorization",
        "apikey",
        "credential",
        "credentials",
        "cookie",
    }
)
PRINTED_MODULES = frozenset(
    {"datetime", "decimal", "fractions", "uuid", "pathlib", "pathlib._local", "ipaddress"}
)
ARRAY_MODULES = frozenset(
    {"numpy", "pandas", "polars", "pyarrow", "torch", "jax", "jaxlib", "tensorflow", "scipy"}
)
SEQUENCES = (list, tuple, set, frozenset, deque)


class Budget:
    """Characters that one attribute may still take; `cut` says whether anything was left out."""

    __slots__ = ("cut", "left")

    def __init__(self, characters: int) -> None:
        self.left = characters
        self.cut = False

    def text(self, value: str) -> str:
        """`value`, or as much of it as fits."""
        size = len(value)
        if size > 200 and value.startswith("data:") and ";base64," in value[:200]:
            value = f"{value.split(',', 1)[0]},<{size} characters>"
            size = len(value)
        if size > self.left:
            self.cut = True
            value = value[: max(self.left, 0)] + "…"
        self.left -= size + 2
        return value


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether something of this name is not to be written down.

    >>> [is_secret(name) for name in ("api_key", "openaiApiKey", "max_tokens", "key")]
    [True, True, False, False]
    """
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    lowered = [word.lower() for word in words]
    pairs = {first + second for first, second in pairwise(lowered)}
    return not SECRET_WORDS.isdisjoint(lowered) or bool(
        pairs & {"apikey", "privatekey", "accesskey"}
    )


def snapshot(value: Any, budget: Budget, depth: int = 0) -> Any:  # noqa: PLR0911 - one line a kind
    """A copy of `value` made of dicts, lists and leaves.

    >>> snapshot({"when": {1}, "password": "hunter2", "who": object()}, Budget(100))
    {'when': [1], 'password': '***', 'who': '<object>'}
    """
    kind = type(value)
    if kind is str:
        return budget.text(value)
    if kind in LEAVES:
        budget.left -= 4
        return value
    if budget.left <= 0 or depth > DEEPEST:
        budget.cut = True
        return "…"
    budget.left -= 2
    if isinstance(value, dict):
        return _mapping(dict.items(value), budget, depth)
    if isinstance(value, SEQUENCES):
        names = getattr(kind, "_fields", None)
        if names and isinstance(value, tuple):
            return _mapping(zip(names, value, strict=False), budget, depth)
        return _sequence(value, budget, depth)
    return _object(value, kind, budget, depth)


def _mapping(items: Iterable[tuple[Any, Any]], budget: Budget, depth: int) -> dict[str, Any]:
    copy: dict[str, Any] = {}
    for key, value in _while_it_holds(items, budget):
        name = budget.text(key) if type(key) is str else str(snapshot(key, budget, depth + 1))
        masked = is_secret(name) and type(value) not in LEAVES
        copy[name] = MASK if masked else snapshot(value, budget, depth + 1)
    return copy


def _sequence(items: Iterable[Any], budget: Budget, depth: int) -> list[Any]:
    return [snapshot(item, budget, depth + 1) for item in _while_it_holds(items, budget)]


def _while_it_holds(items: Iterable[Any], budget: Budget) -> Iterator[Any]:
    """The items until the budget is spent, or until another thread changes what holds them."""
    try:
        for item in items:
            if budget.left <= 0:
                budget.cut = True
                return
            yield item
    except RuntimeError:  # "changed size during iteration"
        budget.cut = True


def _object(value: Any, kind: type, budget: Budget, depth: int) -> Any:  # noqa: PLR0911 - one line a kind
    root = kind.__module__.partition(".")[0]
    if isinstance(value, Enum):
        return snapshot(value.value, budget, depth + 1)
    if isinstance(value, str):
        return budget.text(str.__str__(value))
    if isinstance(value, (int, float)):
        return int(value) if isinstance(value, int) else float.__float__(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    if kind.__module__ in PRINTED_MODULES:
        return budget.text(str(value))
    if root in ARRAY_MODULES:
        return _array(value, kind, budget)
    fields = _fields(value, kind)
    if fields is not None:
        return _mapping(fields, budget, depth)
    if isinstance(value, Exception):
        return {"type": kind.__qualname__, "args": _sequence(value.args, budget, depth)}
    return budget.text(f"<{_name(kind)}>")


def _fields(value: Any, kind: type) -> Iterable[tuple[str, Any]] | None:
    """The named parts of a dataclass, pydantic model or attrs object; None for anything else."""
    if getattr(kind, "__pydantic_fields__", None) is not None:
        held: Mapping[str, Any] = object.__getattribute__(value, "__dict__")
        return held.items()
    names: Iterable[str] | None = getattr(kind, "__dataclass_fields__", None)
    if names is None:
        attributes = getattr(kind, "__attrs_attrs__", None)
        names = [attribute.name for attribute in attributes] if attributes is not None else None
    if names is None:
        return None
    present = ((name, _stored(value, name)) for name in names)
    return [(name, held) for name, held in present if held is not _ABSENT]


_ABSENT = object()


def _stored(value: Any, name: str) -> Any:
    try:
        return object.__getattribute__(value, name)
    except AttributeError:  # declared but never set, or a slot that is empty
        return _ABSENT


def _array(value: Any, kind: type, budget: Budget) -> Any:
    """A number for a scalar; shape and type for an array or a table, which is not ours to copy."""
    shape = getattr(value, "shape", None)
    if shape == () and hasattr(value, "item"):
        return snapshot(value.item(), budget, DEEPEST)
    columns = [str(column) for column in islice(getattr(value, "columns", ()), 50)]
    described = {"type": _name(kind), "shape": [int(n) for n in shape or ()]}
    if columns:
        described["columns"] = columns
    elif hasattr(value, "dtype"):
        described["dtype"] = str(value.dtype)
    budget.left -= 60
    return described


def _name(kind: type) -> str:
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def to_json(value: Any) -> str:
    """A snapshot as JSON text; numbers that JSON does not know are written as text.

    >>> to_json({"a": [1, "é", float("nan")]})
    '{"a":[1,"é","nan"]}'
    """
    encode = _encoder()
    try:
        return encode(value)
    except ValueError:
        return encode(_finite(value))


def read_json(text: str | bytes) -> Any:
    """JSON text as data.

    Raises:
        ValueError: it is not JSON.
    """
    import json  # noqa: PLC0415 - for the background thread only

    return json.loads(text)


@cache
def _encoder() -> Callable[[Any], str]:
    import json  # noqa: PLC0415 - for the background thread only

    return json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def _finite(value: Any) -> Any:
    if type(value) is float and not math.isfinite(value):
        return str(value)
    if type(value) is dict:
        return {key: _finite(part) for key, part in value.items()}
    return [_finite(part) for part in value] if type(value) is list else value
