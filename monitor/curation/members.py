"""A member of a dataset as the row that is kept of it: made, checked, masked."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from monitor.curation.choice import VALIDATION_SHARE, Choice, Mask
from monitor.curation.messages import answer, chat_messages, readable, to_json
from monitor.curation.reserve import position
from monitor.curation.similarity import normalised
from monitor.curation.traffic import message_text
from monitor.records import DatasetRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from monitor.curation.traffic import CallText

__all__ = ["fit", "from_import", "label_fits", "masked", "row_of"]

TEXTS = ("input_messages", "output", "label", "output_messages", "tools")


def row_of(
    member: Choice, text: CallText, service: str, *, now: datetime, tools: str = ""
) -> DatasetRow:
    """The row of a chosen call; its version is named later."""
    return DatasetRow(
        created_at=now,
        dataset_version="",
        service=service,
        split=member.split,
        trace_id=text.trace_id,
        span_id=text.span_id,
        call_timestamp=text.timestamp,
        input_messages=message_text(text),
        output=text.output,
        label=member.call.label,
        label_author=member.call.label_author,
        reason=member.reason,
        reasons=member.reasons,
        output_messages=text.output_messages if "tool_call" in text.output_messages else "",
        tools=tools,
    )


def from_import(row: DatasetRow, now: datetime, key: bytes) -> tuple[DatasetRow, str]:
    """An imported example as a member, and its input as a text."""
    text = readable(chat_messages(row.input_messages))
    place = position(normalised(text), key, "split")
    split = "validation" if place < VALIDATION_SHARE else "train"
    return replace(row, created_at=now, dataset_version="", split=split), text


def fit(row: DatasetRow, longest: int) -> bool:
    """Whether the example is short enough to be trained on."""
    return sum(len(getattr(row, name)) for name in TEXTS) <= longest


def label_fits(row: DatasetRow) -> bool:
    """Whether the label is of the answer's kind: where the model writes JSON objects, a text is none.

    A person was asked about that when they gave theirs.
    """
    return (
        row.label_author.startswith("human")
        or not isinstance(answer(row.output), dict | list)
        or isinstance(answer(row.label), dict | list)
    )


def masked(rows: Sequence[DatasetRow], mask: Mask) -> list[DatasetRow]:
    """The rows without personal data. JSON stays JSON: only the texts in it are looked at."""
    texts: list[str] = []
    parsed = [[_parsed(getattr(row, name)) for name in TEXTS] for row in rows]
    for values in parsed:
        for value in values:
            _collect(value, texts)
    clean = iter(mask(texts))
    told = []
    for row, values in zip(rows, parsed, strict=True):
        changes: dict[str, Any] = {
            name: _written(_filled(value, clean), getattr(row, name))
            for name, value in zip(TEXTS, values, strict=True)
        }
        told.append(replace(row, **changes))
    return told


def _parsed(text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict | list) else text


def _collect(value: Any, texts: list[str]) -> None:
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, list):
        for one in value:
            _collect(one, texts)
    elif isinstance(value, dict):
        for one in value.values():
            _collect(one, texts)


def _filled(value: Any, clean: Any) -> Any:
    if isinstance(value, str):
        return next(clean)
    if isinstance(value, list):
        return [_filled(one, clean) for one in value]
    if isinstance(value, dict):
        return {name: _filled(one, clean) for name, one in value.items()}
    return value


def _written(value: Any, before: str) -> str:
    if isinstance(value, str):
        return value
    return before if json.loads(before) == value else to_json(value)
