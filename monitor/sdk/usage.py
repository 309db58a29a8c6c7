"""Token counts: as the service tells them, or estimated from the text where it tells none."""

from __future__ import annotations

import re
from typing import Any

from monitor import vocabulary as v

__all__ = ["estimate_tokens", "read", "read_usage"]

COUNTS = (
    (v.INPUT_TOKENS, ("prompt_tokens", "input_tokens")),
    (v.OUTPUT_TOKENS, ("completion_tokens", "output_tokens")),
    (v.CACHE_READ_TOKENS, ("prompt_cache_hit_tokens",)),
)
INPUT_DETAILS = (
    (v.CACHE_READ_TOKENS, "cached_tokens"),
    (v.CACHE_WRITE_TOKENS, "cache_write_tokens"),
    (v.AUDIO_INPUT_TOKENS, "audio_tokens"),
)
OUTPUT_DETAILS = (
    (v.REASONING_TOKENS, "reasoning_tokens"),
    (v.AUDIO_OUTPUT_TOKENS, "audio_tokens"),
)
PIECE = re.compile(r"[a-zA-Z]+|[0-9]{1,3}|[^\sa-zA-Z0-9]|\n+")


def read(source: Any, name: str) -> Any:
    """A field of a reply, which is an object of the client or the JSON of a raw response.

    A model's fields are looked up where they lie: asking it for one that it has not is slow, and
    this runs some ten times for every chunk of a stream.
    """
    if type(source) is dict:
        return source.get(name)
    try:
        fields, further = source.__dict__, source.__pydantic_extra__
    except AttributeError:
        return getattr(source, name, None)
    if name in fields:
        return fields[name]
    return further.get(name) if further else None


def read_usage(usage: Any) -> dict[str, int]:
    """Counts by attribute name, from the usage of chat, responses, completions or embeddings.

    >>> read_usage({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4}})
    {'gen_ai.usage.input_tokens': 9, 'gen_ai.usage.cache_read.input_tokens': 4}
    """
    said = [(name, read(usage, key)) for name, keys in COUNTS for key in keys]
    into = read(usage, "prompt_tokens_details") or read(usage, "input_tokens_details")
    out = read(usage, "completion_tokens_details") or read(usage, "output_tokens_details")
    said += [(name, read(into, key)) for name, key in INPUT_DETAILS]
    said += [(name, read(out, key)) for name, key in OUTPUT_DETAILS]
    counts = {name: count for name, count in said if type(count) is int}
    for name in (v.AUDIO_INPUT_TOKENS, v.AUDIO_OUTPUT_TOKENS, v.CACHE_WRITE_TOKENS):
        if not counts.get(name):  # told as 0 by every text model
            counts.pop(name, None)
    return counts


def estimate_tokens(text: str) -> int:
    """Roughly how many tokens a byte-pair tokenizer makes of `text`: no table, no download.

    A short word is one token, a long one a token for every eight letters begun, a number one for
    every three digits, and every other sign (a Chinese character, too) one.

    >>> estimate_tokens("The next payment is due on 5 January 2024.")
    11
    """
    return sum(
        (len(piece) + 7) // 8 if piece[0].isascii() and piece[0].isalpha() else 1
        for piece in PIECE.findall(text)
    )
