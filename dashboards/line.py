"""The filter line: `service:loan-extractor tag.tenant:acme time:24h`, as a person types it; pure.

What it says stands in the address under the names of the facets, so that line, boxes and links are one thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from dashboards.filters import FACETS, RANGES, moment

__all__ = ["EXAMPLE", "LONGEST", "Item", "completions", "items_of", "read_item"]

EXAMPLE = "service:loan-extractor, tag.tenant:acme, prompt:4, time:24h, since:2024-01-31"
LONGEST = 300
"""Characters of a value; longer ones are a mistake."""
KEYS = {
    "service": "service",
    "release": "release",
    "environment": "environment",
    "env": "environment",
    "model": "model",
    "prompt": "prompt_version",
    "prompt_version": "prompt_version",
}
SPOKEN = {facet: key for key, facet in reversed(KEYS.items())}
PAIR = re.compile(r"\s*(tag\.[^:\s]+|[a-z_]+)\s*:\s*(.+?)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Item:
    """One condition of the line."""

    address: Mapping[str, str]
    """What it sets in the address; empty where it is none."""
    problem: str = ""
    """Why it is none, in a sentence."""


def read_item(text: str, now: datetime) -> Item:
    """What one typed condition means.

    >>> from monitor.clock import parse_time
    >>> now = parse_time("2024-01-02T10:00")
    >>> [dict(read_item(text, now).address) for text in ("env:staging", "tag.tenant:acme", "time:24h")]
    [{'environment': 'staging'}, {'tag': 'tenant=acme'}, {'range': '24h'}]
    >>> read_item("acme", now).problem[:47]
    'acme is no filter. Write a key and a value, for'
    """
    match = PAIR.fullmatch(text)
    key, value = (match[1], match[2]) if match else ("", "")
    if len(value) > LONGEST:
        return Item({}, f"The value of {key} is longer than {LONGEST} characters.")
    if key == "time":
        return _stretch(value)
    if key in {"since", "until"}:
        return _moment(key, value, now)
    if key.startswith("tag."):
        return Item({"tag": f"{key.removeprefix('tag.')}={value}"})
    if key in KEYS:
        return Item({KEYS[key]: value})
    return Item(
        {},
        f"{text[:80]} is no filter. Write a key and a value, for example {EXAMPLE}.",
    )


def _stretch(value: str) -> Item:
    if value in RANGES or value == "all":
        return Item({"range": value})
    return Item({}, f"{value} is no stretch of time. Write one of {', '.join([*RANGES, 'all'])}.")


def _moment(key: str, value: str, now: datetime) -> Item:
    if moment(value, now) is None:
        return Item({}, f"{value} is no time. Write for example since:2024-01-31 or since:-3h.")
    return Item({"range": "custom", key: value})


def items_of(facets: Mapping[str, str]) -> list[str]:
    """The facets of the address as the line writes them.

    >>> items_of({"service": "loan-extractor", "prompt_version": "4", "tag": "tenant=acme"})
    ['service:loan-extractor', 'prompt:4', 'tag.tenant:acme']
    """
    return [_written(name, facets[name]) for name in FACETS if facets.get(name)]


def completions(
    known: Mapping[str, Mapping[str, int]], set_already: Iterable[str]
) -> dict[str, int | None]:
    """What the line offers, with how many calls each leaves; what is set already comes first.

    >>> completions({"service": {"a": 12}}, ["tag.x:1"])["service:a"]
    12
    """
    offered: dict[str, int | None] = dict.fromkeys(set_already)
    for facet in FACETS:
        for value, calls in known.get(facet, {}).items():
            offered[_written(facet, value)] = calls
    return {**offered, **{f"time:{name}": None for name in [*RANGES, "all"]}}


def _written(facet: str, value: str) -> str:
    if facet == "tag":
        key, _, told = value.partition("=")
        return f"tag.{key}:{told}"
    return f"{SPOKEN[facet]}:{value}"
