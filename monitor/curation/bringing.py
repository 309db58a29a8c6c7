"""Examples that people bring: read from a file, checked line by line, kept for the next build.

A line is a conversation in OpenAI's shape (`messages`, the last one the answer, and `tools`), or
`input` and `output` (also called `expected`, `label`, `answer` or `completion`; `prompt`, `question`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from monitor.curation.lineage import DatasetEventRow
from monitor.curation.messages import to_json
from monitor.evaluation.files import SUFFIXES
from monitor.evaluation.samples import DatasetError
from monitor.exceptions import OuterloopError
from monitor.records import DatasetRow

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from monitor.store import Store

__all__ = ["Brought", "ImportRefusedError", "Problem", "import_examples", "read_examples"]

INPUTS = ("input", "prompt", "question")
ANSWERS = ("output", "expected", "label", "answer", "completion")
ROLES = ("system", "developer", "user", "assistant", "tool")
LONGEST = 200_000
MOST_LINES = 50_000
SHOWN = 20


class ImportRefusedError(OuterloopError):
    """The file has lines that are no examples; mend them, or import the others with --skip-bad."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that is no example."""

    line: int
    what: str

    def __str__(self) -> str:
        """For people."""
        return f"line {self.line}: {self.what}"


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled example."""

    line: int
    input_messages: str
    label: str
    tools: str


@dataclass(frozen=True, slots=True)
class Brought:
    """What an import did."""

    version: str
    """`im-…`, named by its content."""
    service: str
    examples: int
    repeated: int
    """Lines that say the same as an earlier one."""
    problems: Sequence[Problem]
    """Lines left out."""


def import_examples(
    store: Store,
    path: Path,
    *,
    service: str,
    author: str,
    now: datetime,
    skip_bad: bool = False,
) -> Brought:
    """Keep a file's examples for a service; the same file again changes nothing.

    They are checked against the reserved calls at every build, since test sets grow.

    Raises:
        ImportRefusedError: a line is no example, and `skip_bad` is not given; or none is.
    """
    found = list(read_examples(path))
    problems = [one for one in found if isinstance(one, Problem)]
    examples = [one for one in found if isinstance(one, Example)]
    if (problems and not skip_bad) or not examples:
        raise ImportRefusedError(_refusal(path, problems, len(examples)))
    once = {(one.input_messages, one.label, one.tools): one for one in reversed(examples)}
    rows = [_row(one, service, author, now) for one in once.values()]
    digest = sha256(b"\n".join(sorted(row.trace_id.encode() for row in rows))).hexdigest()
    version = f"im-{sha256(f'{service} {author} {digest}'.encode()).hexdigest()[:16]}"
    if store.value("dataset_size", version=version) != len(rows):
        store.append("datasets", [_named(row, version) for row in rows])
        note = f"{len(rows)} examples of {path.name}"
        store.append(
            "dataset_events",
            [DatasetEventRow(now, version, service, "imported", author, note, "{}")],
        )
    return Brought(version, service, len(rows), len(examples) - len(rows), problems)


def read_examples(path: Path) -> Iterator[Example | Problem]:
    """Each line of a JSONL, JSON, CSV, TSV or Parquet file, as an example or as what is wrong with it.

    Raises:
        ImportRefusedError: the file cannot be read at all.
    """
    try:
        for line, record in enumerate(_records(path), 1):
            if line > MOST_LINES:
                yield Problem(line, f"{MOST_LINES:,} examples are the most in one file; split it")
                return
            if record is None:  # an empty line
                continue
            yield record if isinstance(record, Problem) else _example(line, record)
    except (DatasetError, OSError) as error:
        raise ImportRefusedError(f"{path.name} cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise ImportRefusedError(f"{path.name} is not UTF-8 text: {error.reason}") from error


def _records(path: Path) -> Iterator[Any]:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DatasetError(f"known formats are {', '.join(SUFFIXES)}")
    if suffix not in (".jsonl", ".ndjson"):
        yield from SUFFIXES[suffix](path)
        return
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for line, text in enumerate(file, 1):
            yield _record(line, text) if text.strip() else None


def _record(line: int, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        return Problem(line, f"no JSON: {error.msg} at column {error.colno}")
    except RecursionError:
        return Problem(line, "nested too deeply to be read")


def _example(line: int, record: Any) -> Example | Problem:
    if not isinstance(record, dict):
        return Problem(line, "an example is an object with `messages`, or `input` and `output`")
    try:
        messages, label = _conversation(record) if record.get("messages") else _pair(record)
        tools = _tools(record.get("tools"))
        texts = to_json(messages), label, tools
    except ValueError as error:
        return Problem(line, str(error))
    except RecursionError:
        return Problem(line, "nested too deeply to be read")
    if sum(map(len, texts)) > LONGEST:
        return Problem(line, f"longer than {LONGEST:,} characters")
    return Example(line, *texts)


def _conversation(record: Mapping[str, Any]) -> tuple[list[Any], str]:
    messages = _decoded(record["messages"], "messages")
    if not isinstance(messages, list) or not messages:
        raise ValueError("`messages` has to be a list of messages")
    for place, message in enumerate(messages, 1):
        _check_message(place, message)
    *before, last = messages
    if last["role"] != "assistant":
        raise ValueError(f"the last message is the answer, from `assistant`, not {last['role']!r}")
    if not any(message["role"] == "user" for message in before):
        raise ValueError("no message is from `user`")
    if last.get("tool_calls"):
        kept = {name: last.get(name) for name in ("role", "content", "tool_calls")}
        return before, to_json(kept)
    if not isinstance(last.get("content"), str) or not last["content"].strip():
        raise ValueError("the answer is empty; the last message needs `content` or `tool_calls`")
    return before, last["content"]


def _check_message(place: int, message: Any) -> None:
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise ValueError(f"message {place} has no `role` out of {', '.join(ROLES)}")
    content, calls = message.get("content"), message.get("tool_calls")
    if not isinstance(content, str | list | None) or (content is None and not calls):
        raise ValueError(f"message {place} has neither text in `content` nor `tool_calls`")
    if calls is not None and not (
        isinstance(calls, list) and all(isinstance(one, dict) for one in calls)
    ):
        raise ValueError(f"message {place}: `tool_calls` has to be a list of calls")
    if message["role"] == "tool" and not message.get("tool_call_id"):
        raise ValueError(f"message {place} is of a tool and has no `tool_call_id`")


def _pair(record: Mapping[str, Any]) -> tuple[list[Any], str]:
    asked = next((record[name] for name in INPUTS if record.get(name) not in (None, "")), None)
    answer = next((record[name] for name in ANSWERS if record.get(name) not in (None, "")), None)
    if asked is None:
        raise ValueError(f"no input; it stands in `messages` or `{'`, `'.join(INPUTS)}`")
    if answer is None:
        raise ValueError(f"no answer; it stands in `{'`, `'.join(ANSWERS)}`")
    text = asked if isinstance(asked, str) else to_json(asked)
    label = answer if isinstance(answer, str) else to_json(answer)
    if not text.strip() or not label.strip():
        raise ValueError("input or answer is white space alone")
    return [{"role": "user", "content": text}], label


def _tools(told: Any) -> str:
    tools = _decoded(told, "tools") if told else []
    if not isinstance(tools, list) or not all(
        isinstance(one, dict)
        and isinstance(one.get("function"), dict)
        and one["function"].get("name")
        for one in tools
    ):
        raise ValueError("`tools` has to be a list of {type: function, function: {name: …}}")
    return to_json(tools) if tools else ""


def _decoded(value: Any, name: str) -> Any:
    """A cell of a CSV or Parquet file may hold its list as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"`{name}` is a text that is no JSON: {error}") from error


def _row(one: Example, service: str, author: str, now: datetime) -> DatasetRow:
    content = to_json([service, one.input_messages, one.label, one.tools])
    return DatasetRow(
        created_at=now,
        dataset_version="",
        service=service,
        split="import",
        trace_id=f"import-{sha256(content.encode()).hexdigest()[:24]}",
        span_id="",
        call_timestamp=now,
        input_messages=one.input_messages,
        output="",
        label=one.label,
        label_author=f"human:{author}",
        reason="imported",
        reasons=("imported",),
        tools=one.tools,
    )


def _named(row: DatasetRow, version: str) -> DatasetRow:
    return replace(row, dataset_version=version)


def _refusal(path: Path, problems: Sequence[Problem], good: int) -> str:
    shown = "; ".join(map(str, problems[:SHOWN]))
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    if not problems:
        return f"{path.name} holds no example; see `outerloop dataset import --help`"
    return (
        f"{path.name}: {len(problems)} of {len(problems) + good} lines are no examples: {shown}{more};"
        " mend them, or import the others with --skip-bad"
    )
