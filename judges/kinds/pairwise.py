"""A judge that compares two answers to the same input, in an order that is drawn by hash."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from judges.asking.shapes import Shape, Slot
from judges.interaction import JudgeFailure, Judgement, Usage, Verdict, summed
from judges.kinds.asking import asked, failed, marks, posed, words
from judges.panels.families import Families, family_of, independent, own_family, without_names
from judges.statistics.sampling import sampled, uniform
from judges.versions import OUTSIDE, version_of

if TYPE_CHECKING:
    from judges.asking.endpoint import Answer, Endpoint
    from judges.asking.prompting import Prompt
    from judges.interaction import Interaction

__all__ = ["Orders", "Pairwise", "first_shown"]

Orders: TypeAlias = Literal["one", "both", "audit"]
Order: TypeAlias = Literal["given", "swapped"]
SHAPE = Shape((Slot("choice", ("A", "B", "tie")),))
VALUES = {"better": 1.0, "tie": 0.5, "worse": 0.0}
AUDITED = 0.1


def first_shown(metric: str, sample: str, *, salt: str) -> Order:
    """Whose turn it is to be shown first: the first bit of a hash, so the same for ever.

    >>> [first_shown("polite", str(sample), salt="s") for sample in range(3, 6)]
    ['given', 'given', 'given']
    """
    return "swapped" if uniform(f"{metric}:{sample}", salt) >= 0.5 else "given"


@dataclass(frozen=True, slots=True)
class Pairwise:
    """Says whether `output`, the candidate, is better than, as good as, or worse than `other`.

    The value is the candidate's: 1 better, 0.5 a tie, 0 worse. Both answers get neutral labels, and
    models' names are taken out of them. Which is shown first is drawn by hash; at equal cost more
    pairs in one order say more than fewer in both, so:

    - `one`: one order, for tracking.
    - `audit`: the same, and for a share of the pairs (by hash too) the other order as well. It
      changes no value; `details["other_order"]` and `details["consistent"]` measure the position's pull.
    - `both`: both orders, for single decisions; where they disagree it is a tie.

    A judge of a candidate's own family does not compare candidates of several families: it fails
    before any money is spent, unless it is told to `mark` its verdicts.

    Args:
        name: names the score, and takes part in the draw.
        criterion: by what they are compared.
        endpoint: asks the model.
        orders: how many orders are asked.
        audit_share: of the pairs that `audit` asks both ways.
        salt: of the draw.
        own: what becomes of judging one's own family.
        logprobs: also asks for the probabilities of the choice.
        families: patterns asked before the built-in ones.
    """

    name: str
    criterion: str
    endpoint: Endpoint = field(repr=False, compare=False, metadata=OUTSIDE)
    orders: Orders = "one"
    audit_share: float = AUDITED
    salt: str = "outerloop"
    own: Literal["refuse", "mark"] = "refuse"
    logprobs: bool = False
    families: Families = field(default=(), metadata=OUTSIDE)
    version: str = field(init=False)

    def __post_init__(self) -> None:
        """Check the criterion and hash everything once."""
        if not self.criterion.strip():
            raise ValueError(f"pairwise {self.name!r}: say in `criterion` what makes one better")
        said = words(self.endpoint, "pairwise", SHAPE)
        object.__setattr__(self, "version", version_of(self, *said))

    async def __call__(self, interaction: Interaction, *, repeat: int = 0) -> Verdict:
        """Which is better."""
        objection = self._objection(interaction)
        if objection:
            return failed(self, objection, Usage(model=self.endpoint.model))
        if interaction.output == interaction.other:
            reason = "both answers are the same text"
            return Judgement(self.name, 0.5, "tie", reason, self.version, details={"same": True})
        drawn = first_shown(self.name, interaction.key, salt=self.salt)
        if not self._asks_both(interaction):
            return await self._ordered(interaction, drawn, repeat)
        first, second = await asyncio.gather(
            self._ordered(interaction, drawn, repeat),
            self._ordered(interaction, _opposite(drawn), repeat),
        )
        return self._decided(first, second) if self.orders == "both" else _audited(first, second)

    def most_usd(self, interaction: Interaction) -> float | None:
        """The most that one verdict can cost, in all orders that will be asked."""
        if self._objection(interaction) or interaction.output == interaction.other:
            return 0.0
        prompt = self._prompt(interaction, "given")
        requests = 2 if self._asks_both(interaction) else 1
        return self.endpoint.most_usd(prompt, requests=requests, shape=SHAPE)

    def _objection(self, interaction: Interaction) -> str:
        """Why this pair is not to be asked about."""
        if not interaction.other and not interaction.other_model:
            return "no `other` answer to compare with: give the dataset both answers of every item"
        candidates = (interaction.model, interaction.other_model)
        model = self.endpoint.model
        if self.own == "refuse" and not independent([model], candidates, families=self.families):
            family = family_of(model, self.families)
            return (
                f"{model} is of a candidate's own family ({family}): compare them by another "
                'vendor\'s model, or set own = "mark"'
            )
        return ""

    def _asks_both(self, interaction: Interaction) -> bool:
        if self.orders == "audit":
            return sampled(interaction.key, self.audit_share, f"{self.salt}:{self.name}:audit")
        return self.orders == "both"

    async def _ordered(
        self, interaction: Interaction, order: Order, repeat: int
    ) -> Judgement | JudgeFailure:
        """The verdict in one order."""
        prompt = self._prompt(interaction, order)
        answer = await asked(self, prompt, SHAPE, repeat=repeat, logprobs=self.logprobs)
        if isinstance(answer, JudgeFailure):
            return answer
        label = _label(answer.reply.answers["choice"], order)
        return Judgement(
            self.name, VALUES[label], label, _reason(answer, order), self.version, answer.usage,
            raw=answer.raw, order=order, details=self._marks(interaction, prompt),
            probabilities={_label(one, order): p for one, p in answer.probabilities.items()},
        )  # fmt: skip

    def _marks(self, interaction: Interaction, prompt: Prompt) -> dict[str, bool | float | str]:
        said = marks(self, interaction, prompt)
        if own_family(self.endpoint.model, interaction.other_model, self.families):
            said["own_family"] = True
        return said

    def _decided(
        self, first: Judgement | JudgeFailure, second: Judgement | JudgeFailure
    ) -> Judgement | JudgeFailure:
        """What both orders say together; nothing if one of them says nothing."""
        usage = summed((first.usage, second.usage))
        for one in (first, second):
            if isinstance(one, JudgeFailure):
                return replace(one, reason=f"one of both orders: {one.reason}", usage=usage)
        assert isinstance(first, Judgement)
        assert isinstance(second, Judgement)
        same = first.label == second.label
        details = {
            **first.details,
            f"order_{first.order}": first.label,
            f"order_{second.order}": second.label,
            "consistent": same,
        }
        reason = (
            first.reason
            if same
            else f"the order decides, so a tie. {first.reason} | {second.reason}"
        )
        label = first.label if same else "tie"
        return Judgement(
            self.name, VALUES[label], label, reason, self.version, usage, order="both",
            raw=f"{first.raw}\n\n{second.raw}", details=details,
        )  # fmt: skip

    def _prompt(self, interaction: Interaction, order: Order) -> Prompt:
        names = (interaction.model, interaction.other_model)
        shown = [
            without_names(one, *names, topic=interaction.input)
            for one in (interaction.output, interaction.other)
        ]
        first, second = shown if order == "given" else reversed(shown)
        criterion = {"criterion": self.criterion.strip()}
        return posed(self, "pairwise", criterion, interaction, response_a=first, response_b=second)


def _opposite(order: Order) -> Order:
    return "swapped" if order == "given" else "given"


def _label(choice: str, order: Order) -> str:
    if choice == "tie":
        return "tie"
    return "better" if (choice == "A") == (order == "given") else "worse"


def _reason(answer: Answer, order: Order) -> str:
    who = "A is the candidate" if order == "given" else "B is the candidate"
    return f"{answer.reply.reason} ({who})".strip()


def _audited(
    first: Judgement | JudgeFailure, second: Judgement | JudgeFailure
) -> Judgement | JudgeFailure:
    """The drawn order's verdict, with the other one's beside it."""
    usage = summed((first.usage, second.usage))
    if isinstance(first, JudgeFailure):
        return replace(first, usage=usage)
    details: dict[str, bool | float | str] = dict(first.details)
    if isinstance(second, JudgeFailure):
        details["other_order"] = second.status
    else:
        details |= {"other_order": second.label, "consistent": first.label == second.label}
    return replace(first, usage=usage, details=details)
