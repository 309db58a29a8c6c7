"""Recorded verdicts as samples, and the judges that ask for them: the product's own, as far as they fit.

A sample's input is the marker by which the replaying server knows which verdict to give.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from judges.asking.prompting import Prompt, compose
from judges.asking.shapes import Shape, Slot
from judges.interaction import Interaction, Judge, JudgeFailure, Judgement, Verdict
from judges.kinds.asking import asked, words
from judges.kinds.grade import Grade
from judges.kinds.pairwise import Pairwise
from judges.versions import OUTSIDE, version_of

if TYPE_CHECKING:
    from judges.asking.endpoint import Endpoint
    from judges.panels.families import Families

__all__ = ["KINDS", "Kind", "samples_of"]

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FREE = Shape((Slot("choice", ("A", "B", "tie"), r"Output \(([ab])\)[^.\n]{0,40}\bbetter"),))
"""How LLMBar's recorded judges end in plain text."""
LEVELS = {1: "poor", 2: "fair", 3: "good", 4: "very good"}


@dataclass(frozen=True, slots=True)
class Pairs:
    """Which of two answers is better, told by plain text in words of its own, too."""

    name: str
    endpoint: Endpoint = field(repr=False, compare=False, metadata=OUTSIDE)
    families: Families = field(default=(), metadata=OUTSIDE)
    version: str = field(init=False)

    def __post_init__(self) -> None:
        """Hash what is the same for every call."""
        said = words(self.endpoint, "pairwise", FREE)
        object.__setattr__(self, "version", version_of(self, *said))

    async def __call__(self, interaction: Interaction) -> Verdict:
        """The choice as it is shown."""
        answer = await asked(self, self._prompt(interaction), FREE)
        if isinstance(answer, JudgeFailure):
            return answer
        choice = answer.reply.answers["choice"]
        return Judgement(self.name, choice, choice, answer.reply.reason, self.version, answer.usage)

    def most_usd(self, interaction: Interaction) -> float | None:
        """The most that one verdict can cost."""
        return self.endpoint.most_usd(self._prompt(interaction), shape=FREE)

    def _prompt(self, interaction: Interaction) -> Prompt:
        return compose(
            "pairwise",
            {"criterion": "which one follows the instruction"},
            material={
                "input": interaction.input,
                "reference": None,
                "response_a": interaction.output,
                "response_b": interaction.other,
            },
            mark=self.endpoint.mark(),
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """One set of recordings."""

    name: str
    model: str
    markers: Callable[[Path], Iterator[tuple[str, str]]]
    """Marker, and the verdict that was recorded; '' where it is drawn."""
    judge: Callable[[Endpoint], Judge]


def samples_of(kind: Kind, data: Path, number: int) -> list[tuple[Interaction, str]]:
    """The first so many, with what was recorded."""
    found = islice(kind.markers(data), number)
    return [(_interaction(kind, place, marker), said) for place, (marker, said) in enumerate(found)]


def _interaction(kind: Kind, place: int, marker: str) -> Interaction:
    return Interaction(
        trace_id=f"{kind.name}-{place}", span_id="1", timestamp=NOON, input=marker,
        output="The first answer.", other="The second answer.",
    )  # fmt: skip


def _llmbar(data: Path) -> Iterator[tuple[str, str]]:
    with (data / "llmbar" / "raw_cot_GPT-4.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            one = json.loads(line)
            first = "2" if one["swap"] else "1"
            said = "" if one["winner"] not in {"1", "2"} else "BA"[one["winner"] == first]
            yield f"[[llmbar {one['subset']} {one['idx']} {first}]]", said


def _arena(data: Path) -> Iterator[tuple[str, str]]:
    with (data / "arena_ppr" / "judgments.csv").open(encoding="utf-8", newline="") as lines:
        for one in csv.DictReader(lines):
            yield f"[[arena {one['num']} AB]]", ""


def _rubric(data: Path) -> Iterator[tuple[str, str]]:
    with (data / "llm_rubric" / "real_llm.tsv").open(encoding="utf-8", newline="") as lines:
        for one in csv.DictReader(lines, delimiter="\t"):
            yield f"[[rubric real {one['text_id']} {one['criterion']}]]", ""


KINDS = {
    one.name: one
    for one in (
        Kind("llmbar", "GPT-4", _llmbar, partial(Pairs, "pairs")),
        Kind("arena", "gpt4", _arena, partial(Pairwise, "pairwise", "the better answer")),
        Kind("rubric", "rubric", _rubric, partial(Grade, "grade", "satisfaction", LEVELS)),
    )
}
