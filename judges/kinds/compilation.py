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
from functools import partial
from typing import TYPE_CHECKING

import openai
from pydantic import ValidationError

from judges.asking.exchange import FailedError, Purse, exchange, heard
from judges.asking.prompting import Prompt, compose
from judges.kinds.checklists import Checklist, ChecklistError, read_checklist, write_checklist
from judges.kinds.proposals import MOST, Proposal, ProposalShape, sift

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from judges.asking.endpoint import Endpoint
    from judges.interaction import Usage

__all__ = ["checklist_path", "compile_rubric", "most_usd", "prompt_hash"]

FEWEST = 4
SAMPLES = 8
"""So many answers are shown; more tell little more."""
SAMPLE_CHARACTERS = 2_500
TOKENS = 6_000
ATTEMPTS = 2
"""The question, and one repair."""


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
    endpoint: Endpoint, prompt: str, answers: Sequence[str], *, name: str, folder: Path
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

    Raises:
        ChecklistError: no prompt, no answers, or no usable reply.
    """
    if not prompt.strip() or not any(one.strip() for one in answers):
        raise ChecklistError("a checklist is compiled from a prompt and some answers; give both")
    if not re.fullmatch(r"[\w.-]+", name):
        raise ChecklistError(f"{name!r} is no name of a score: letters, digits, '.', '_' and '-'")
    path = checklist_path(folder, name, prompt)
    if path.exists():
        return read_checklist(path)
    proposal, usage = await _proposed(endpoint, _prompt(endpoint, prompt, answers))
    items, refused = sift(proposal.questions)
    if not items:
        why = "; ".join(f"{one.question} ({one.why})" for one in refused)
        raise ChecklistError(f"no question of the proposal can be used: {why}")
    draft = Checklist(
        name, items, reviewed=False, prompt_hash=prompt_hash(prompt), model=endpoint.model,
        refused=refused, path=path, usage=usage,
    )  # fmt: skip
    write_checklist(draft, path)
    return draft


def most_usd(endpoint: Endpoint, prompt: str, answers: Sequence[str]) -> float | None:
    """The most that compiling can cost, the repair included; None if the price is unknown."""
    if endpoint.price is None or endpoint.abilities.token_parameter is None:
        return None
    asked = _prompt(endpoint, prompt, answers)
    shape = ProposalShape()
    # The shape goes along as a schema or in words; no token is shorter than a byte.
    said = f"{asked.system}{asked.user}{shape.json_schema()}{shape.instruction('text')}"
    read = 2 * len(said.encode("utf-8", "replace")) + TOKENS
    return ATTEMPTS * endpoint.price.cost(read, TOKENS)


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


async def _proposed(endpoint: Endpoint, prompt: Prompt) -> tuple[Proposal, Usage]:
    """The model's proposal, after at most one repair."""
    purse = Purse(endpoint.model, endpoint.price, ATTEMPTS)
    messages = [
        {"role": "system", "content": prompt.system},
        {"role": "user", "content": prompt.user},
    ]
    problem = ""
    while purse.billable > 0:
        try:
            raw = await _said(endpoint, purse, messages)
        except FailedError as error:
            raise ChecklistError(f"no checklist from {endpoint.model}: {error}") from error
        try:
            return Proposal.model_validate_json(_bare(raw)), purse.usage
        except ValidationError as error:
            first = error.errors()[0]
            problem = f"{'.'.join(map(str, first['loc'])) or 'the reply'}: {first['msg']}"
            again = f"That reply cannot be read ({problem}). Answer again, in the form asked for."
            messages += [
                {"role": "assistant", "content": raw},
                {"role": "user", "content": again},
            ]
    raise ChecklistError(f"{endpoint.model} gave no readable checklist: {problem}")


async def _said(endpoint: Endpoint, purse: Purse, messages: list[dict[str, str]]) -> str:
    shape = ProposalShape()
    while True:
        able = endpoint.abilities
        body = {
            "model": endpoint.model,
            "messages": _instructed(messages, shape.instruction(able.rung)),
            **able.parameters(shape, logprobs=False, temperature=0.0, seed=0),
        }
        if able.token_parameter is not None:
            body[able.token_parameter] = TOKENS
        told = len(able.refused)
        try:
            answer = await exchange(
                partial(endpoint._post, body),  # noqa: SLF001 (its own client and pace; `ask` reads slots only)
                pace=endpoint.pace,
                purse=purse,
                rng=endpoint.rng,
                timeout_s=endpoint.timeout_s,
            )
        except openai.APIStatusError as error:
            if len(able.refused) == told and not able.learn(error):
                raise FailedError(f"{type(error).__name__}: {error.message}"[:500]) from error
            continue
        said = heard(answer, TOKENS)
        if said.problem:
            raise FailedError(said.problem, said.status)
        return said.text


def _instructed(messages: list[dict[str, str]], how: str) -> list[dict[str, str]]:
    system, user, *rest = messages
    return [system, {**user, "content": f"{user['content']}\n\n{how}"}, *rest]


def _bare(raw: str) -> str:
    """The reply without one code fence around all of it; nothing else is repaired."""
    fenced = re.fullmatch(r"\s*```(?:json)?[ \t]*\n(.*?)\n?```\s*", raw, re.DOTALL)
    return fenced.group(1) if fenced else raw
