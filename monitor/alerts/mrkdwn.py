"""Slack's text format and its limits: escaping, cutting, and the few block shapes that we use."""

from __future__ import annotations

from typing import Any

__all__ = [
    "actions",
    "button",
    "code",
    "context",
    "escape",
    "fields",
    "header",
    "join",
    "link",
    "plain",
    "section",
]

SECTION_LIMIT = 3000
FIELD_LIMIT = 2000
HEADER_LIMIT = 150
BUTTON_LIMIT = 75
MORE = "…"

Block = dict[str, Any]
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def plain(text: str, limit: int) -> str:
    """One line of at most `limit` characters; what is too long ends in an ellipsis.

    >>> plain("a long  text", 8)
    'a long…'
    """
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + MORE


def escape(text: str, limit: int = SECTION_LIMIT) -> str:
    """`text` as Slack shows it literally, at most `limit` long once escaped, no entity halved.

    >>> escape("a < b & <!channel>")
    'a &lt; b &amp; &lt;!channel&gt;'
    >>> escape("<<<<", 10)
    '&lt;&lt;…'
    """
    pieces = [ENTITIES.get(letter, letter) for letter in text.strip()]
    if sum(map(len, pieces)) <= limit:
        return "".join(pieces)
    kept: list[str] = []
    room = limit - len(MORE)
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept) + MORE


def code(text: str, limit: int = 80) -> str:
    """A value in code style; back-ticks inside would end it early, so they become apostrophes.

    >>> code("a`b")
    "`a'b`"
    """
    value = plain(text, limit).replace("`", "'")
    return f"`{escape(value or '(empty)', limit * 5)}`"


def link(url: str, label: str) -> str:
    """A link with a label; a bar in the label would read as the separator.

    >>> link("http://127.0.0.1:8501/calls?trace_id=1", "1 < 2 | 3")
    '<http://127.0.0.1:8501/calls?trace_id=1|1 &lt; 2 / 3>'
    """
    return f"<{url.replace('&', '&amp;')}|{escape(label.replace('|', '/'))}>"


def join(lines: list[str], limit: int = SECTION_LIMIT) -> str:
    """Whole lines, as many as fit; the rest is counted, never cut inside a link.

    >>> print(join(["first", "second", "a third"], 18))
    first
    … and 2 more
    """
    text = "\n".join(lines)
    if len(text) <= limit:
        return text
    for kept in range(len(lines) - 1, 0, -1):
        text = "\n".join([*lines[:kept], f"{MORE} and {len(lines) - kept} more"])
        if len(text) <= limit:
            return text
    return f"{MORE} {len(lines)} more"


def header(text: str) -> Block:
    """A message's headline."""
    return {"type": "header", "text": _plain_text(text, HEADER_LIMIT)}


def section(mrkdwn: str) -> Block:
    """A paragraph; its text is escaped already and within the limit."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn}}


def fields(pairs: list[tuple[str, str]]) -> Block:
    """Up to ten facts in two columns; the values are escaped already."""
    texts = [f"*{name}*\n{value}" for name, value in pairs[:10]]
    return {"type": "section", "fields": [{"type": "mrkdwn", "text": text} for text in texts]}


def context(mrkdwn: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": mrkdwn}]}


def actions(block_id: str, buttons: list[Block]) -> Block:
    """A row of buttons."""
    return {"type": "actions", "block_id": plain(block_id, 255), "elements": buttons}


def button(
    text: str, action_id: str, value: str, *, style: str = "", url: str = "", confirm: str = ""
) -> Block:
    """One button; `value` comes back when it is pressed, `url` opens a page instead, `confirm` is asked before."""
    made: Block = {
        "type": "button",
        "text": _plain_text(text, BUTTON_LIMIT),
        "action_id": action_id,
        "value": value,
    }
    made |= ({"style": style} if style else {}) | ({"url": url} if url else {})
    return made | ({"confirm": _confirmation(text, confirm)} if confirm else {})


def _confirmation(title: str, question: str) -> Block:
    return {
        "title": _plain_text(title, 100),
        "text": _plain_text(question, 300),
        "confirm": _plain_text("Yes", 30),
        "deny": _plain_text("No", 30),
    }


def _plain_text(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": plain(text, limit) or "-", "emoji": True}
