"""The file of a compiled checklist: a judge's definition that a person has to review."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from judges.interaction import Usage
from judges.kinds.rubric import Item, Rubric

if TYPE_CHECKING:
    from judges.asking.endpoint import Endpoint

__all__ = ["Checklist", "ChecklistError", "Refused", "adopt", "read_checklist", "write_checklist"]


class ChecklistError(ValueError):
    """The checklist cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A question that was proposed and not taken."""

    question: str
    why: str


@dataclass(frozen=True, slots=True)
class Checklist:
    """A checklist with its origin, as it stands in its file."""

    name: str
    items: tuple[Item, ...]
    reviewed: bool
    prompt_hash: str
    """Of the prompt it was compiled from; empty of one written by hand."""
    model: str = ""
    """That compiled it, and is to answer it."""
    refused: tuple[Refused, ...] = ()
    path: Path | None = None
    usage: Usage = field(default_factory=Usage)
    """What compiling took; nothing when it was compiled before."""

    def rubric(self, endpoint: Endpoint, *, allow_unreviewed: bool = False) -> Rubric:
        """The judge.

        Raises:
            ChecklistError: nobody has reviewed it, and that is not allowed.
        """
        if not self.reviewed and not allow_unreviewed:
            raise ChecklistError(
                f"the checklist {self.path or self.name} was compiled and not reviewed: read it, "
                "correct it, and set reviewed = true in it"
            )
        return Rubric(self.name, self.items, endpoint, reviewed=self.reviewed)


def read_checklist(path: Path) -> Checklist:
    """The checklist in a file.

    Raises:
        ChecklistError: it is not there, no TOML, or not a checklist.
    """
    try:
        told = tomllib.loads(path.read_text("utf-8"))
        items = tuple(Item(**one) for one in told["items"])
        refused = tuple(Refused(**one) for one in told.get("refused", ()))
        name, reviewed = str(told["name"]), told.get("reviewed", True) is True
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise ChecklistError(f"{path} is no checklist: {type(error).__name__} {error}") from error
    return Checklist(
        name, items, reviewed, str(told.get("prompt_hash", "")), str(told.get("model", "")),
        refused, path,
    )  # fmt: skip


def adopt(path: Path, folder: Path) -> Path:
    """Make a reviewed checklist the judge of its name: put its file among the definitions.

    The one that stands there is replaced if it is a compiled checklist too, of another version of
    the prompt.

    Raises:
        ChecklistError: nobody has reviewed it, or a judge of another origin has that name.
    """
    checklist = read_checklist(path)
    if not checklist.reviewed:
        raise ChecklistError(f"{path} was not reviewed: correct it and set reviewed = true first")
    place = folder / f"{checklist.name}.toml"
    if place.exists() and not read_checklist(place).prompt_hash:
        raise ChecklistError(f"{place} was written by hand: move it away, or rename the checklist")
    _put(place, path.read_text("utf-8"))
    return place


def write_checklist(draft: Checklist, path: Path) -> None:
    """Write the file, whole or not at all."""
    _put(path, _toml(draft))


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(text, "utf-8")
    unfinished.replace(path)


def _toml(draft: Checklist) -> str:
    lines = [
        "# A checklist that a model proposed. Read every question, correct what is wrong, take out what",
        "# cannot be answered from the input and the answer, and then set reviewed = true.",
        'kind = "rubric"',
        f"name = {_quoted(draft.name)}",
        f"model = {_quoted(draft.model)}",
        f"reviewed = {'true' if draft.reviewed else 'false'}",
        f"prompt_hash = {_quoted(draft.prompt_hash)}",
        "services = []",
    ]
    for item in draft.items:
        lines += [
            "",
            "[[items]]",
            f"question = {_quoted(item.question)}",
            f"weight = {item.weight}",
        ]
        if item.least is None:
            lines.append(f"expect = {_quoted(item.expect)}")
        else:
            lines.append(f"least = {item.least}")
            lines += [f"most = {item.most}"] if item.most is not None else []
    for one in draft.refused:
        lines += [
            "",
            "[[refused]]",
            f"question = {_quoted(one.question)}",
            f"why = {_quoted(one.why)}",
        ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's is one, but for the character DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
