"""Values as they are now, as plain data: bounded, masked, and without running the app's code.

Text, numbers, booleans and None cannot change, so they are kept by reference and cost nothing.
Everything else is copied here, in the app's thread, because the app may change it as soon as the
call returns; turning the copy into JSON text is left to the background thread. No `repr`, `str`,
property or serialiser of the app's classes is ever called: an object of a kind that we do not know
is written as `<module.Class>`.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING, Any

from monitor.sdk.secrecy import is_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["LEAVES", "MASK", "Budget", "short_media", "snapshot"]

LEAVES = frozenset({int, float, bool, type(None)})
"""Types that are kept as they are."""
MASK = "***"
DEEPEST = 12
PRINTED_MODULES = frozenset(
    {"datetime", "decimal", "fractions", "uuid", "pathlib", "pathlib._local", "ipaddress"}
)
ARRAY_MODULES = frozenset(
    {"numpy", "pandas", "polars", "pyarrow", "torch", "jax", "jaxlib", "tensorflow", "scipy"}
)
SEQUENCES = (list, tuple, set, frozenset, deque)


class Budget:
    """Characters that one attribute may still take; `cut` says whether anything was left out."""

    __slots__ = ("cut", "left", "within")

    def __init__(self, characters: int) -> None:
        self.left = characters
        self.cut = False
        self.within: list[Any] = []
        """The containers that are being copied, from the outermost inwards."""

    def text(self, value: str) -> str:
        """`value`, or as much of it as fits."""
        value = short_media(value)
        size = len(value)
        if size > self.left:
            self.cut = True
            value = value[: max(self.left, 0)] + "…"
        self.left -= size + 2
        return value


def short_media(value: Any) -> Any:
    """`value`; of a file that is written out in a `data:` URL, its kind and its length."""
    if type(value) is str and value[:5] == "data:" and len(value) > 200:
        head, _, content = value.partition(",")
        if ";base64" in head[:200] and content:
            return f"{head},<{len(value)} characters>"
    return value


def snapshot(value: Any, budget: Budget, depth: int = 0) -> Any:
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
    if any(value is held for held in budget.within):
        return "<cycle>"
    budget.within.append(value)
    try:
        return _container(value, kind, budget, depth)
    finally:
        budget.within.pop()


def _container(value: Any, kind: type, budget: Budget, depth: int) -> Any:
    if isinstance(value, dict):
        return _mapping(dict.items(value), budget, depth)
    for sequence in SEQUENCES:
        if isinstance(value, sequence):  # by the built-in iterator: a subclass may have its own
            names = getattr(kind, "_fields", None)
            items: Iterator[Any] = sequence.__iter__(value)  # type: ignore[arg-type]  # it is one
            if names and sequence is tuple:
                return _mapping(zip(names, items, strict=False), budget, depth)
            return _sequence(items, budget, depth)
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
        return int.__int__(value) if isinstance(value, int) else float.__float__(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _bytes(value)
    if kind.__module__ in PRINTED_MODULES:
        return budget.text(str(value))
    if root == "PIL" and hasattr(value, "__dict__"):
        return _picture(value, kind)
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


MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"), (b"OggS", "audio/ogg"), (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"), (b"PK\x03\x04", "application/zip"),
)  # fmt: skip
RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}


def _bytes(value: Any) -> str:
    """What bytes are, and how many; never the bytes."""
    size = value.nbytes if isinstance(value, memoryview) else len(value)
    head = b"" if isinstance(value, memoryview) and not value.contiguous else bytes(value[:12])
    known = RIFF.get(head[8:12]) if head[:4] == b"RIFF" else None
    known = known or next((name for magic, name in MAGIC if head.startswith(magic)), None)
    return f"<{known}, {size} bytes>" if known else f"<{size} bytes>"


HEAD_ROWS = 3
HEAD_VALUES = 10
HEAD_COLUMNS = 20


def _array(value: Any, kind: type, budget: Budget) -> Any:
    """A number for a scalar; shape, type and the first values for an array or a table."""
    shape = getattr(value, "shape", None)
    if shape == () and hasattr(value, "item"):
        return snapshot(value.item(), budget, DEEPEST)
    columns = [str(column) for column in islice(getattr(value, "columns", ()), 50)]
    described: dict[str, Any] = {"type": _name(kind), "shape": [int(n) for n in shape or ()]}
    if columns:
        described["columns"] = columns
    elif hasattr(value, "dtype"):
        described["dtype"] = str(value.dtype)
    budget.left -= 60
    head = _head(value, kind)
    if head:
        described["head"] = snapshot(head, budget, DEEPEST - 2)
    return described


def _head(value: Any, kind: type) -> list[Any] | None:
    """The first rows or values; None for a library whose way of telling them we do not know."""
    library = kind.__module__.partition(".")[0]
    if library == "numpy" and hasattr(value, "flat"):
        return [item.item() if hasattr(item, "item") else item for item in value.flat[:HEAD_VALUES]]
    if library == "pandas" and hasattr(value, "iloc"):
        if value.ndim == 1:
            return list(value.iloc[:HEAD_ROWS].tolist())
        rows = value.iloc[:HEAD_ROWS, :HEAD_COLUMNS]
        return [list(row) for row in rows.itertuples(index=False, name=None)]
    if library == "polars" and hasattr(value, "rows"):
        return [list(row) for row in value[:HEAD_ROWS, :HEAD_COLUMNS].rows()]
    return None


def _picture(value: Any, kind: type) -> dict[str, Any]:
    """A PIL image by its size; its pixels are not looked at."""
    held = value.__dict__.get("_size") or (0, 0)
    mode = value.__dict__.get("_mode") or value.__dict__.get("mode")
    return {"type": _name(kind), "size": list(held), "mode": mode}


def _name(kind: type) -> str:
    home = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return home + kind.__qualname__
