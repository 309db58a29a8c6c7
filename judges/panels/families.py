"""Which family a model is of, and whether judges favour their own.

A judge prefers what its own family writes. So where candidates of several families are compared, a
judge of one of these families is left out (`independent`); where one output is judged for itself,
a judge of the same family is allowed but its verdicts carry a mark. How strong the preference is
gets measured: `excess_win_rate` against people, `self_preference` against another judge.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "FAMILIES",
    "Families",
    "Lead",
    "excess_win_rate",
    "family_of",
    "independent",
    "own_family",
    "self_preference",
    "without_names",
]

Families = tuple[tuple[str, str], ...]
"""Pairs of a family's name and a regular expression over lower-case model names; the first wins."""

FAMILIES: Families = (
    ("openai", r"(?<![a-z])(chatgpt|gpt-?[2345o](?!all)|gpt-oss|o[134]($|-)|davinci|text-davinci)"),
    ("anthropic", r"claude|anthropic"),
    ("google", r"gemini|gemma|palm-?2|(^|/)palm($|-)|bison|learnlm"),
    ("meta", r"llama(?!-?index)|meta-|vicuna|alpaca|koala|guanaco|wizardlm"),
    ("mistral", r"mistral|mixtral|ministral|magistral|codestral|devstral|pixtral"),
    ("alibaba", r"qwen|qwq|tongyi"),
    ("deepseek", r"deepseek"),
    ("xai", r"grok"),
    ("cohere", r"(^|/)command|cohere|(^|/)c4ai|(^|/)aya"),
    ("amazon", r"(^|/|\.)nova-|titan-|amazon"),
    ("microsoft", r"(^|/)phi-?\d|microsoft|(^|/)orca"),
    ("zhipu", r"chatglm|(^|/)glm-"),
    ("moonshot", r"kimi|moonshot"),
    ("tii", r"falcon"),
    ("databricks", r"dolly|dbrx"),
    ("ibm", r"granite"),
    ("nvidia", r"nemotron|nvidia"),
    ("01ai", r"(^|/)yi-"),
)
"""By name only: a fine-tune that hides its origin needs a line of its own, set before these."""

TELLING = ("chatgpt", "openai", "anthropic")
"""Names that nothing else has."""
BRANDS = (
    "claude",
    "gemini",
    "gemma",
    "llama",
    "mistral",
    "mixtral",
    "grok",
    "qwen",
    "deepseek",
    "falcon",
)
"""Names that people, animals and stars have too."""
NAME = re.compile(
    rf"\b(gpt|{'|'.join((*TELLING, *BRANDS))})([ -]?v?\d\w*(?:[.-]\w+)*|\b)", re.IGNORECASE
)
INTRODUCED = ("i am ", "i'm ", "i\u2019m ", "as ", "name is ", "called ")

Judging = TypeVar("Judging")


def family_of(model: str, families: Families = ()) -> str:
    """The family a model's name tells; a name that no pattern knows is a family of its own.

    Args:
        model: as the endpoint calls it; a vendor's prefix does no harm.
        families: patterns of one's own, asked before the built-in ones.

    >>> family_of("openai/gpt-5-mini"), family_of("claude-opus-4"), family_of("acme-7b")
    ('openai', 'anthropic', 'acme-7b')
    >>> family_of("extractor-2023-11", (("meta", "^extractor-"),))
    'meta'
    """
    return _family(model.strip().lower(), families)


def own_family(judge_model: str, candidate_model: str, families: Families = ()) -> bool:
    """Whether the two are of one family; of an unknown candidate it cannot be said, so no."""
    if not judge_model or not candidate_model:
        return False
    return family_of(judge_model, families) == family_of(candidate_model, families)


def independent(
    judges: Sequence[Judging], candidate_models: Iterable[str], *, families: Families = ()
) -> tuple[Judging, ...]:
    """The judges that may compare these candidates: none is of a candidate's family.

    Where all candidates are of one family, no judge can favour one of them by its family, and all
    stay. A judge is anything with `models` or `endpoint.model`, or the model's name itself; a judge
    that asks no model stays.

    >>> independent(["gpt-5", "claude-opus-4", "qwen3-32b"], ["gpt-4o", "gemini-2.5-pro"])
    ('claude-opus-4', 'qwen3-32b')
    >>> independent(["gpt-5", "claude-opus-4"], ["gpt-4o", "gpt-4o-mini"])
    ('gpt-5', 'claude-opus-4')
    """
    compared = {family_of(one, families) for one in candidate_models if one}
    if len(compared) < 2:
        return tuple(judges)
    return tuple(
        judge
        for judge in judges
        if not compared & {family_of(one, families) for one in models_of(judge)}
    )


def models_of(judge: object) -> tuple[str, ...]:
    """The models that a judge asks; none of a check."""
    if isinstance(judge, str):
        return (judge,)
    several = getattr(judge, "models", None)
    if several is not None:
        return tuple(several)
    model = getattr(getattr(judge, "endpoint", None), "model", "")
    return (model,) if model else ()


def without_names(text: str, *models: str, topic: str = "") -> str:
    """The text with models' names taken out, the given ones and those that are widely known.

    Names that are words too go only with a number or where somebody introduces himself. A name that
    stands in the topic stays: there, models are what the text is about.

    >>> without_names("As ChatGPT I say: ask acme-7b.", "acme-7b")
    'As [model] I say: ask [model].'
    """
    for model in models:
        for name in {model, model.rpartition("/")[2]} - {""}:
            if name.lower() in text.lower() and name.lower() not in topic.lower():
                given = rf"(?<!\w){re.escape(name)}(?!\w)"
                text = re.sub(given, "[model]", text, flags=re.IGNORECASE)
    low = text.lower()
    if not any(one in low for one in ("gpt", *TELLING, *BRANDS)):
        return text
    about = topic.lower()
    return NAME.sub(lambda found: _hidden(found, about), text)


def _hidden(found: re.Match[str], about: str) -> str:
    """What stands for a name: itself where it is the topic, or only a word."""
    whole, brand = found.group().lower(), found[1].lower()
    before = found.string[max(0, found.start() - 10) : found.start()].lower()
    telling = bool(found[2]) or brand in TELLING or before.endswith(INTRODUCED)
    return "[model]" if telling and whole not in about else found.group()


@dataclass(frozen=True, slots=True)
class Lead:
    """By how much one rate is ahead of another."""

    value: float
    standard_error: float
    n: int
    """Observations; of a difference in differences, of both groups together."""


def excess_win_rate(judged: Sequence[float], human: Sequence[float]) -> Lead:
    """By how much a judge lets a model win more often than people do, on the same comparisons.

    Args:
        judged: the judge's result for the model, 1 for a win, 0.5 for a tie, 0 for a loss.
        human: people's, of the same comparisons in the same order.

    >>> excess_win_rate([1, 1, 0.5, 0], [1, 0, 0.5, 0])
    Lead(value=0.25, standard_error=0.25, n=4)
    """
    mean, squared_error = _mean([j - h for j, h in zip(judged, human, strict=True)])
    return Lead(mean, math.sqrt(squared_error), len(judged))


def self_preference(
    own: tuple[Sequence[float], Sequence[float]], rival: tuple[Sequence[float], Sequence[float]]
) -> Lead:
    """Difference in differences of two judges on their families: what a human label is not needed for.

    (first judge - second judge on the first's family) - (the same on the second's family). A judge
    that is merely harsher or has another taste about quality cancels; 0 is no preference. One
    observation per appearance of a model: a comparison within one family gives two, w and 1 - w.

    Args:
        own: results of models of the first judge's family, by the first and by the second judge.
        rival: results of models of the second judge's family, by the first and by the second.

    >>> self_preference(([1, 1, 0], [0, 1, 0]), ([0, 0.5], [1, 0.5])).value
    0.8333333333333333
    """
    ahead, ahead_error = _mean([a - b for a, b in zip(*own, strict=True)])
    behind, behind_error = _mean([a - b for a, b in zip(*rival, strict=True)])
    return Lead(ahead - behind, math.sqrt(ahead_error + behind_error), len(own[0]) + len(rival[0]))


def _mean(values: Sequence[float]) -> tuple[float, float]:
    """The mean and its squared standard error."""
    n = len(values)
    if n < 2:
        raise ValueError("a preference needs two comparisons or more on each side")
    mean = math.fsum(values) / n
    return mean, math.fsum((one - mean) ** 2 for one in values) / (n - 1) / n


@lru_cache(maxsize=4096)
def _family(name: str, families: Families) -> str:
    for family, pattern in _compiled(families + FAMILIES):
        if pattern.search(name):
            return family
    return name.rpartition("/")[2]


@lru_cache(maxsize=64)
def _compiled(families: Families) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((family, re.compile(pattern)) for family, pattern in families)
