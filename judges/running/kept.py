"""Verdicts as canonical JSON text and back: what a journal keeps."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from judges.interaction import JudgeFailure, Judgement, NotApplicable, Usage

if TYPE_CHECKING:
    from judges.interaction import Verdict

__all__ = ["dumps", "loads", "plain_usage", "usage_of"]

_KINDS = {kind.__name__: kind for kind in (Judgement, NotApplicable, JudgeFailure)}
_FIELDS = {kind: tuple(one.name for one in fields(kind)) for kind in (*_KINDS.values(), Usage)}


def dumps(verdict: Verdict) -> str:
    """The verdict as one line of ASCII, keys sorted: equal verdicts give equal texts.

    >>> dumps(NotApplicable("n", "no date", "v1"))[:40]
    '{"kind":"NotApplicable","name":"n","raw"'
    """
    kind = type(verdict)
    plain: dict[str, Any] = {name: getattr(verdict, name) for name in _FIELDS[kind]}
    plain |= {"kind": kind.__name__, "usage": plain_usage(verdict.usage)}
    # ASCII escapes also what no UTF-8 can hold: half of an emoji, cut off by a model.
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), default=_plain)


def loads(text: str) -> Verdict:
    """The verdict that `dumps` wrote; fields of another edition are left out or get their default.

    Raises:
        ValueError: the text is none of ours.

    >>> verdict = NotApplicable("n", "no date", "v1", Usage("gpt-5", 7, 2, 0.1, 1))
    >>> loads(dumps(verdict)) == verdict
    True
    """
    try:
        plain = json.loads(text)
        kind = _KINDS[plain["kind"]]
        known = {name: plain[name] for name in _FIELDS[kind] if name in plain}
        verdict: Verdict = kind(**known | {"usage": usage_of(plain.get("usage", {}))})
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a kept verdict: {text[:80]!r}") from error
    return verdict


def plain_usage(usage: Usage) -> dict[str, Any]:
    """A usage as JSON can hold it."""
    return {name: getattr(usage, name) for name in _FIELDS[Usage]}


def usage_of(plain: dict[str, Any]) -> Usage:
    """The usage again."""
    return Usage(**{name: plain[name] for name in _FIELDS[Usage] if name in plain})


def _plain(value: Any) -> Any:
    """Mappings that are no dict, and numpy's scalars from judges of users."""
    if hasattr(value, "items"):
        return dict(value.items())
    return value.item()
