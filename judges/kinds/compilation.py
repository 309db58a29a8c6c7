"""Compiling a checklist: once per version of a prompt, by a model, for a person to review.

    draft = await compile_rubric(endpoint, prompt, answers, name="extraction", folder=drafts)
    # ... a person reads and edits draft.path and sets reviewed = true ...
    adopt(draft.path, definitions)                  # now it is the judge of that name

A compiled checklist is a proposal. Its file is a judge's definition of kind `rubric`, says
`reviewed = false`, and is refused until somebody has set it to true. It carries the hash of the
prompt it was compiled from: the same prompt is not compiled twice.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pydantic import ValidationError

from judges.asking.exchange import FailedError
from judges.asking.messages import messages_of, repair
from judges.asking.prompting import Prompt, compose
from judges.kinds.checklists import Checklist, ChecklistError, read_checklist, write_checklist
from judges.kinds.proposals import MOST, Proposal, ProposalShape, sift
from judges.running.books import Asked
from judges.running.budget import Claim
from judges.running.money import nano, nano_above

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from judges.asking.endpoint import Endpoint
    from judges.asking.purse import Purse
    from judges.running.budget import Account

__all__ = ["checklist_path", "compile_rubric", "most_usd", "prompt_hash"]

FEWEST = 4
SAMPLES = 8
"""So many answers are shown; more tell little more."""
SAMPLE_CHARACTERS = 2_500
TOKENS = 6_000
SHAPE = ProposalShape()


def prompt_hash(prompt: str) -> str:
    r"""What tells one version of a prompt from another; white space around it does not matter.

    >>> prompt_hash("Extract the due date.") == prompt_hash("Extract the due date.\n")
    True
    """
    return hashlib.sha256(prompt.strip().encode("utf-8", "replace")).hexdigest()[:16]


def checklist_path(folder: Path, name: str, prompt: str) -> Path:
    """Where the checklist of that name for that prompt is kept."""
    return folder / f"{name}-{prompt_hash(prompt)[:8]}.toml"


async def compile_rubric(
    endpoint: Endpoint,
    prompt: str,
    answers: Sequence[str],
    *,
    name: str,
    folder: Path,
    account: Account | None = None,
) -> Checklist:
    """A draft checklist for the answers to a prompt; the stored one if there is one.

    Questions that repeat another or cannot be answered from input and answer are left out, and
    listed in the file with the reason.

    Args:
        endpoint: asks the model that writes it.
        prompt: the judged program's.
        answers: some of its answers, best several that differ; only the first 8 are shown.
        name: of the score.
        folder: where drafts are kept; not that of the judges' definitions, where two versions of a
            name would collide. A reviewed one gets there by `judges.kinds.checklists.adopt`.
        account: what it costs is held before and booked after, also where nothing comes of it.

    Raises:
        ChecklistError: no prompt, no answers, no usable reply, or no money.
    """
    if not prompt.strip() or not any(one.strip() for one in answers):
        raise ChecklistError("a checklist is compiled from a prompt and some answers; give both")
    if not re.fullmatch(r"[\w.-]+", name):
        raise ChecklistError(f"{name!r} is no name of a score: letters, digits, '.', '_' and '-'")
    path = checklist_path(folder, name, prompt)
    if path.exists():
        return read_checklist(path)
    asked, purse = _prompt(endpoint, prompt, answers), endpoint.purse()
    async with _booked(account, purse, endpoint.most_usd(asked, shape=SHAPE, tokens=TOKENS), name):
        proposal = await _proposed(endpoint, asked, purse)
    items, refused = sift(proposal.questions)
    if not items:
        why = "; ".join(f"{one.question} ({one.why})" for one in refused)
        raise ChecklistError(f"no question of the proposal can be used: {why}")
    draft = Checklist(
        name, items, reviewed=False, prompt_hash=prompt_hash(prompt), model=endpoint.model,
        refused=refused, path=path, usage=purse.usage,
    )  # fmt: skip
    write_checklist(draft, path)
    return draft


def most_usd(endpoint: Endpoint, prompt: str, answers: Sequence[str]) -> float | None:
    """The most that compiling can cost, the repair included; None if the price is unknown."""
    return endpoint.most_usd(_prompt(endpoint, prompt, answers), shape=SHAPE, tokens=TOKENS)


@asynccontextmanager
async def _booked(
    account: Account | None, purse: Purse, most_usd: float | None, name: str
) -> AsyncIterator[None]:
    """Money held before, and what it cost booked after, whatever comes of it."""
    if account is None:
        yield
        return
    if most_usd is None and account.limits:
        raise ChecklistError(
            f"the price of {purse.model} is unknown, so that a budget cannot be held: give its price"
        )
    most = nano_above(most_usd or 0.0)
    hold = await account.hold(Claim(Asked("compile", purse.model, name), most))
    if hold is None:
        raise ChecklistError(
            f"compiling can cost up to ${most_usd:.4f}, but the budget does not allow it"
        )
    try:
        yield
    except (ChecklistError, FailedError):
        account.settle(hold, _cost(purse))
        raise
    except BaseException:
        account.give_up([hold])
        raise
    account.settle(hold, _cost(purse))


def _cost(purse: Purse) -> int | None:
    """In nano-USD; None where nobody knows."""
    return None if purse.usage.cost_usd is None else nano(purse.usage.cost_usd)


def _prompt(endpoint: Endpoint, prompt: str, answers: Sequence[str]) -> Prompt:
    shown = [one for one in answers if one.strip()][:SAMPLES]
    numbered = [f"[answer {n}]\n{_short(one)}" for n, one in enumerate(shown, 1)]
    return compose(
        "compile",
        {"fewest": str(FEWEST), "most": str(MOST)},
        material={"prompt": prompt, "answers": "\n\n".join(numbered)},
        mark=endpoint.mark(),
    )


def _short(text: str) -> str:
    half = SAMPLE_CHARACTERS // 2
    if len(text) <= 2 * half:
        return text
    return f"{text[:half]}\n[… {len(text) - 2 * half} characters left out here …]\n{text[-half:]}"


async def _proposed(endpoint: Endpoint, prompt: Prompt, purse: Purse) -> Proposal:
    """The model's proposal, after at most one repair."""
    messages = messages_of(prompt)
    problem = ""
    while purse.billable > 0:
        try:
            said = await endpoint.post(messages, SHAPE, purse, tokens=TOKENS)
        except FailedError as error:
            raise ChecklistError(f"no checklist from {endpoint.model}: {error}") from error
        if said.problem:
            raise ChecklistError(f"no checklist from {endpoint.model}: {said.problem}")
        try:
            return Proposal.model_validate_json(_bare(said.text))
        except ValidationError as error:
            endpoint.abilities.miss_call(said)
            first = error.errors()[0]
            problem = f"{'.'.join(map(str, first['loc'])) or 'the reply'}: {first['msg']}"
            messages = [*messages, *repair(said.text, problem)]
    raise ChecklistError(f"{endpoint.model} gave no readable checklist: {problem}")


def _bare(raw: str) -> str:
    """The reply without one code fence around all of it; nothing else is repaired."""
    fenced = re.fullmatch(r"\s*```(?:json)?[ \t]*\n(.*?)\n?```\s*", raw, re.DOTALL)
    return fenced.group(1) if fenced else raw
