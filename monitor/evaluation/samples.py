"""Samples to evaluate: records with an input and an output, as the interactions that judges look at.

A record is a mapping with the fields of `FIELDS`; what else it holds is ignored. `input` may be a
list of messages. Nothing is guessed: a field that is called otherwise is named by the caller.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from judges.interaction import Interaction, Step
from monitor.clock import parse_time
from monitor.exceptions import OuterloopError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["FIELDS", "Dataset", "DatasetError", "dataset_of", "one_sample", "sample_id"]

TEXTS = (
    "output", "expected", "other", "model", "other_model", "service", "release", "prompt_name",
    "prompt_version", "session_id",
)  # fmt: skip
FIELDS = ("id", "input", *TEXTS, "steps", "tags", "timestamp")
"""What a record may say."""
_NAMES = {field: field for field in FIELDS}
UNTOLD = datetime.fromtimestamp(0, UTC)
"""The time of a sample that nobody dates."""
ID_DIGITS = 12


class DatasetError(OuterloopError):
    """The dataset cannot be used; the message says which record and what to change."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Dataset:
    """Samples with a name, identified by their content."""

    name: str
    digest: str
    """Twelve hex digits over every sample: two datasets with the same one hold the same."""
    samples: tuple[Interaction, ...]

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Any:
        return iter(self.samples)

    def lacking(self, field: str) -> int:
        """Samples in which this field is empty."""
        return sum(not getattr(one, field) for one in self.samples)

    def cut(self, limit: int | None) -> Dataset:
        """At most `limit` samples, drawn by a hash of their ids: always the same, and uniform."""
        if limit is None or limit >= len(self.samples):
            return self
        drawn = sorted(self.samples, key=lambda one: _hash(f"limit:{sample_id(one)}"))[:limit]
        chosen = {one.key for one in drawn}
        kept = tuple(one for one in self.samples if one.key in chosen)
        return Dataset(self.name, _digest(kept), kept)


def sample_id(sample: Interaction) -> str:
    """What names a sample to a person: its own id, or trace and span of a stored call."""
    return f"{sample.trace_id}:{sample.span_id}" if sample.trace_id else sample.span_id


def dataset_of(
    records: Iterable[Mapping[str, Any] | Interaction],
    *,
    now: datetime,
    name: str = "samples",
    mapping: Mapping[str, str] | None = None,
    where: Callable[[int], str] = "record {}".format,
    without_output: bool = False,
) -> Dataset:
    """A dataset of records.

    Args:
        records: mappings with the fields of `FIELDS`, or interactions as they are.
        now: the time of samples that tell none.
        name: what to call it.
        mapping: by field, what the records call it.
        where: words for the place of a record, counted from 1, for errors.
        without_output: the outputs are still to be made.

    Raises:
        DatasetError: there is none, one lacks what is needed, or an id comes twice.
    """
    names = _NAMES | dict(mapping or {})
    samples: list[Interaction] = []
    for place, record in enumerate(records, 1):
        if isinstance(record, Interaction):
            samples.append(record)
        elif isinstance(record, Mapping):
            samples.append(_sample(record, names, now, where(place)))
            if not without_output and names["output"] not in record:
                _lacks(record, "output", names["output"], where(place))
        else:
            raise DatasetError(f"{where(place)} is no object with named fields")
    if not samples:
        raise DatasetError(f"{name} holds no samples")
    told = tuple(_numbered(samples, name))
    return Dataset(name, _digest(told), told)


def one_sample(
    sample: Interaction | Mapping[str, Any] | None, fields: Mapping[str, Any]
) -> Interaction:
    """One sample, with some fields in place of its own; what it has not is empty.

    Raises:
        DatasetError: there is no field of that name.
    """
    unknown = [name for name in fields if name not in FIELDS]
    if unknown:
        raise DatasetError(f"a sample has no field {unknown[0]!r}; it has {', '.join(FIELDS)}")
    if isinstance(sample, Interaction):
        blank = _sample({"input": "", "output": "", **fields}, _NAMES, sample.timestamp, "sample")
        given = {"span_id" if name == "id" else name for name in fields}
        given |= {"input_messages"} if "input" in fields else set()
        return replace(sample, **{name: getattr(blank, name) for name in given})
    told = {"id": "sample", "input": "", "output": "", **(sample or {}), **fields}
    return _sample(told, _NAMES, UNTOLD, "sample")


def _sample(
    record: Mapping[str, Any], names: Mapping[str, str], now: datetime, place: str
) -> Interaction:
    messages = record.get(names["input"])
    if messages is None and names["input"] == "input":
        messages = record.get("messages")
    if messages is None:
        _lacks(record, "input", names["input"], place)
    text, as_messages = _input(messages)
    told = record.get(names["timestamp"])
    try:
        timestamp = now if told in (None, "") else _moment(told)
    except ValueError as error:
        raise DatasetError(f"{place}: `timestamp` is no time: {error}") from error
    return Interaction(
        trace_id="",
        span_id=_text(record.get(names["id"])),
        timestamp=timestamp,
        input=text,
        input_messages=as_messages,
        steps=_steps(record.get(names["steps"]), place),
        tags=_tags(record.get(names["tags"]), place),
        **{field: _text(record.get(names[field])) for field in TEXTS},
    )


def _lacks(record: Mapping[str, Any], field: str, asked: str, place: str) -> NoReturn:
    there = ", ".join(sorted(map(str, record))) or "nothing"
    raise DatasetError(
        f"{place} has no field {asked!r} (it has {there});"
        f" say which one holds the {field}: --{field}-field NAME"
    )


def _input(value: Any) -> tuple[str, str]:
    """The readable text of an input, and its messages as JSON text where it is made of messages."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            return _text(value), ""
    if not _are_messages(value):
        return _text(value), ""
    said = [(str(one["role"]), _content(one)) for one in value]
    spoken = [text for role, text in said if role not in ("system", "developer")]
    text = spoken[0] if len(spoken) == 1 else "\n".join(f"{role}: {text}" for role, text in said)
    parts = [
        {"role": role, "parts": [{"type": "text", "content": content}]} for role, content in said
    ]
    return text, json.dumps(parts, ensure_ascii=False)


def _are_messages(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, Mapping) and "role" in one for one in value)
    )


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content", message.get("parts", ""))
    if not isinstance(content, list):
        return _text(content)
    return "\n".join(
        _text(part.get("text", part.get("content", "")) if isinstance(part, Mapping) else part)
        for part in content
    )


def _text(value: Any) -> str:
    """Text as it is; nothing as ''; anything else as JSON text, which judges of fields can read."""
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 - NaN, how a table says nothing
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    # half a pair of JSON's surrogate escapes is no character that anybody could store or send
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _moment(value: Any) -> datetime:
    return parse_time(value.isoformat() if isinstance(value, datetime) else str(value))


def _steps(value: Any, place: str) -> tuple[Step, ...]:
    told = _decoded(value, place, "steps", Sequence)
    try:
        return tuple(
            Step(
                name=_text(one["name"]),
                kind=_text(one.get("kind", "")),
                input=_text(one.get("input")),
                output=_text(one.get("output")),
                span_id=_text(one.get("span_id")),
            )
            for one in told or ()
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{place}: `steps` is a list of objects with name, kind, input and output"
        ) from error


def _tags(value: Any, place: str) -> dict[str, str]:
    told = _decoded(value, place, "tags", Mapping)
    return {str(name): _text(one) for name, one in (told or {}).items()}


def _decoded(value: Any, place: str, field: str, kind: type) -> Any:
    if value is None or value == "" or (isinstance(value, float) and value != value):  # noqa: PLR0124 - NaN again
        return None
    try:
        decoded = json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise DatasetError(f"{place}: `{field}` is no JSON: {error}") from error
    if not isinstance(decoded, kind) or isinstance(decoded, str):
        wanted = "a list" if kind is Sequence else "an object"
        raise DatasetError(f"{place}: `{field}` has to be {wanted}")
    return decoded


def _numbered(samples: Sequence[Interaction], name: str) -> Iterable[Interaction]:
    """The samples with ids: their own, else a hash of the input, so that versions can be paired."""
    own = Counter(one.key for one in samples if one.span_id)
    twice = [key.removeprefix(":") for key, times in own.items() if times > 1]
    if twice:
        raise DatasetError(
            f"{name}: the id {twice[0]!r} comes {own.get(twice[0]) or own[':' + twice[0]]} times;"
            " ids tell samples apart, so give each its own or leave the field out"
        )
    seen: Counter[str] = Counter()
    for one in samples:
        if one.span_id:
            yield one
            continue
        digest = _hash(one.input)[:ID_DIGITS]
        seen[digest] += 1
        yield replace(one, span_id=digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")


def _digest(samples: Iterable[Interaction]) -> str:
    said = sorted(
        json.dumps(
            [one.key, one.input, one.output, one.expected, one.other, [repr(s) for s in one.steps]]
        )
        for one in samples
    )
    return _hash("\n".join(said))[:ID_DIGITS]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
