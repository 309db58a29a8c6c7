"""What a window of texts says for itself: a sentence, typical words, ten calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.drift.terms import typical_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from monitor.jobs.text_looks import Look
    from monitor.jobs.text_sample import SampledText

__all__ = ["EXAMPLES", "evidence_of"]

EXAMPLES = 10
COMPARED = 2_000
"""Usual texts that words are compared with."""


def evidence_of(
    part: str,
    kind: str,
    window: Sequence[SampledText],
    look: Look,
    *,
    usual: Callable[[], Sequence[SampledText]],
) -> dict[str, Any]:
    """Typical words of the region against usual texts (read when asked for), ten of its calls, and a sentence."""
    told: dict[str, Any] = dict(look.told)
    if kind == "embedding":
        inside = [window[row].text for row in look.rows]
        before = usual()
        others = [one.text for one in before[:: 1 + len(before) // COMPARED]]
        told["words"] = [one.term for one in typical_terms(inside, others)]
    shown = [window[row] for row in look.rows[:EXAMPLES]]
    told["examples"] = [
        {"trace_id": one.trace_id, "span_id": one.span_id, "timestamp": one.timestamp.isoformat()}
        for one in shown
    ]
    told["says"] = sentence(part, kind, len(window), told)
    return told


def sentence(part: str, kind: str, n: int, told: dict[str, Any]) -> str:
    """What moved, in words.

    >>> sentence("input", "language", 500, {"language": "de", "share": 0.1, "share_before": 0.002})
    '10.0 % of 500 inputs are in another language (de); 0.2 % were before.'
    """
    now, before = 100 * told["share"], 100 * told["share_before"]
    whole = f"{now:.1f} % of {n} {part}s"
    if kind == "language":
        return f"{whole} are in another language ({told['language']}); {before:.1f} % were before."
    if kind == "terms":
        named = ", ".join(f"“{one['term']}”" for one in told["terms"][:3])
        return f"{whole} hold a term that {before:.1f} % held before: {named}."
    words = ", ".join(f"“{word}”" for word in told.get("words", [])[:5])
    about = f": {words}" if words else ""
    if told["region"] == "novel":
        return f"{whole} are like none before ({before:.1f} % used to be){about}."
    return f"{whole} gather where {before:.1f} % did{about}."
