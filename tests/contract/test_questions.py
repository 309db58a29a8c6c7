"""Every SQL file is asked by somebody, documented, and understood by the real engine.

`statements` of the erasure hold conditions beside whole statements: these are put behind a WHERE.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from monitor.store import Store

ROOT = Path(__file__).parents[2]
FOLDERS = [
    path
    for name in ("questions", "statements")
    for path in ROOT.glob(f"*/**/{name}")
    if ".venv" not in path.parts
]
QUESTIONS = sorted(file for folder in FOLDERS for file in folder.glob("*.sql"))
CODE = "\n".join(
    path.read_text("utf-8")
    for package in ("monitor", "collector", "dashboards")
    for path in (ROOT / package).rglob("*.py")
)
VALUES = {
    "String": "x",
    "UInt64": 1,
    "UInt32": 1,
    "UInt16": 1,
    "UInt8": 1,
    "Int64": 1,
    "Float32": 0.5,
    "Float64": 0.5,
    "Bool": True,
    "Date": "2024-01-01",
    "DateTime": "2024-01-01 00:00:00",
}
"""A value for every parameter type that a question may have."""
NAMES = {"table": "calls", "column": "output", "trace": "trace_id", "span": "span_id"}
"""What the erasure's statements may name."""
CONDITIONS_ON = {"where_record": "otel_logs", "where_opened": "hours"}
"""The table of a condition that fits no other."""


def ids(path: Path) -> str:
    """A question's place, for the test's name."""
    return str(path.relative_to(ROOT))


def _value(kind: str) -> object:
    if kind.startswith("Array("):
        return [_value(kind[6:-1])]
    if kind.startswith("Tuple("):
        return tuple(_value(one) for one in re.split(r",\s*(?![^(]*\))", kind[6:-1]))
    if kind.startswith("Map("):
        return {}
    if kind.startswith("Nullable("):
        return _value(kind[9:-1])
    return VALUES["DateTime" if kind.startswith("DateTime") else kind]


@pytest.mark.integration
@pytest.mark.parametrize("path", QUESTIONS, ids=ids)
def test_the_engine_understands_every_question(path: Path, module_store: Store) -> None:
    """EXPLAIN of each file, with a value for each of its parameters, succeeds on the migrated schema."""
    # of a question that writes, what it would write
    text = re.sub(r"INSERT INTO \w+( \([^)]*\))?", "", path.read_text("utf-8"))
    if not re.search(r"^\s*(SELECT|WITH)\b", text, re.MULTILINE):
        text = f"SELECT * FROM {CONDITIONS_ON.get(path.stem, 'calls')} WHERE\n{text}"
    parameters = {
        name: NAMES[name] if kind == "Identifier" else _value(kind)
        for name, kind in re.findall(r"\{(\w+):([^}]+)\}", text)
    }
    module_store.client.query(f"EXPLAIN {text}", parameters=parameters)


@pytest.mark.parametrize("path", QUESTIONS, ids=ids)
def test_every_question_is_asked(path: Path) -> None:
    """The file's name stands in the code that asks it."""
    assert re.search(rf'"{path.stem}"', CODE), f"nobody asks {path.name}; remove it"


@pytest.mark.parametrize("path", QUESTIONS, ids=ids)
def test_every_question_says_what_it_answers(path: Path) -> None:
    """The file begins with a comment."""
    assert path.read_text("utf-8").startswith("-- ")


def test_there_are_questions() -> None:
    """The search above has found the folders."""
    assert files("monitor.store.questions").joinpath("incident_events.sql") in QUESTIONS
