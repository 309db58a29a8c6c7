"""Block Kit's limits, as Slack documents them: what makes it answer `invalid_blocks`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["problems"]

BLOCKS = 50
SECTION_TEXT = 3000
FIELDS = 10
FIELD_TEXT = 2000
HEADER_TEXT = 150
CONTEXT_ELEMENTS = 10
BUTTONS = 25
BUTTON_TEXT = 75
ACTION_ID = 255
BUTTON_VALUE = 2000
URL = 3000
BLOCK_ID = 255


def problems(blocks: list[Any]) -> list[str]:
    """What is wrong with `blocks`, each with its place; nothing when Slack would show them.

    >>> problems([{"type": "divider"}])
    []
    >>> problems([{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}])
    ['[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]']
    """
    found = [] if len(blocks) <= BLOCKS else [_at("", f"no more than {BLOCKS} items allowed")]
    for index, block in enumerate(blocks):
        place = f"/{index}"
        check = CHECKS.get(block.get("type")) if isinstance(block, Mapping) else None
        if check is None:
            found.append(_at(place, "unsupported type"))
            continue
        found += _length(block.get("block_id", "-"), BLOCK_ID, f"{place}/block_id")
        found += check(block, place)
    return found


def _header(block: Mapping[str, Any], place: str) -> list[str]:
    return _text(block.get("text"), HEADER_TEXT, f"{place}/text", kinds=("plain_text",))


def _section(block: Mapping[str, Any], place: str) -> list[str]:
    fields = block.get("fields")
    if "text" not in block and not fields:
        return [_at(place, "must have text or fields")]
    found = _text(block["text"], SECTION_TEXT, f"{place}/text") if "text" in block else []
    if fields is None:
        return found
    found += _count(fields, FIELDS, f"{place}/fields")
    for index, one in enumerate(fields):
        found += _text(one, FIELD_TEXT, f"{place}/fields/{index}")
    return found


def _context(block: Mapping[str, Any], place: str) -> list[str]:
    elements = block.get("elements") or []
    found = _count(elements, CONTEXT_ELEMENTS, f"{place}/elements")
    for index, one in enumerate(elements):
        found += _text(one, SECTION_TEXT, f"{place}/elements/{index}")
    return found


def _actions(block: Mapping[str, Any], place: str) -> list[str]:
    elements = block.get("elements") or []
    found = _count(elements, BUTTONS, f"{place}/elements")
    names = [one.get("action_id") for one in elements]
    if len(set(names)) < len(names):
        found.append(_at(f"{place}/elements", "action_id must be unique within a block"))
    for index, one in enumerate(elements):
        found += _button(one, f"{place}/elements/{index}")
    return found


def _button(one: Mapping[str, Any], place: str) -> list[str]:
    if one.get("type") != "button":
        return [_at(place, "unsupported type")]
    found = _text(one.get("text"), BUTTON_TEXT, f"{place}/text", kinds=("plain_text",))
    found += _length(one.get("action_id", "-"), ACTION_ID, f"{place}/action_id")
    found += _length(one.get("value", "-"), BUTTON_VALUE, f"{place}/value")
    found += _length(one.get("url", "-"), URL, f"{place}/url")
    if one.get("style", "primary") not in {"primary", "danger"}:
        found.append(_at(f"{place}/style", "must be primary or danger"))
    if not str(one.get("url", "http://")).startswith(("http://", "https://")):
        found.append(_at(f"{place}/url", "must be a valid URL"))
    return found


def _divider(_: Mapping[str, Any], __: str) -> list[str]:
    return []


CHECKS: dict[Any, Callable[[Mapping[str, Any], str], list[str]]] = {
    "actions": _actions,
    "context": _context,
    "divider": _divider,
    "header": _header,
    "section": _section,
}
"""The kinds of block that this stand-in knows; Slack has more, and we send none of them."""


def _text(
    text: Any, limit: int, place: str, *, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")
) -> list[str]:
    if not isinstance(text, Mapping) or text.get("type") not in kinds:
        return [_at(place, f"must be a text object of type {' or '.join(kinds)}")]
    return _length(text.get("text"), limit, f"{place}/text")


def _length(text: Any, limit: int, place: str) -> list[str]:
    if not isinstance(text, str) or not text:
        return [_at(place, "must be more than 0 characters")]
    return [] if len(text) <= limit else [_at(place, f"must be less than {limit + 1} characters")]


def _count(items: Any, limit: int, place: str) -> list[str]:
    if not isinstance(items, list) or not items:
        return [_at(place, "must have at least 1 item")]
    return [] if len(items) <= limit else [_at(place, f"no more than {limit} items allowed")]


def _at(place: str, what: str) -> str:
    return f"[ERROR] {what} [json-pointer:/blocks{place}]"
