"""Output formats: which can be sent block by block, and how blocks are joined into one document.

chDB formats every block of a streamed result as a document of its own. For most row formats that is
right as it is; names and schemas that come again with each block are cut off; formats with an end
of their own (JSON, Parquet) are not streamed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["content_type", "has_head", "join_blocks", "streams"]

_PLAIN = frozenset({
    "native", "rowbinary", "rawblob", "lineasstring", "null",
    "tabseparated", "tsv", "tabseparatedraw", "tsvraw", "raw", "csv",
    "jsoneachrow", "ndjson", "jsonlines", "jsonstringseachrow",
    "jsoncompacteachrow", "jsoncompactstringseachrow",
})  # fmt: skip
_NAMED_LINES = {
    name: lines
    for suffix, lines in (("withnames", 1), ("withnamesandtypes", 2))
    for name in (f"tabseparated{suffix}", f"tsv{suffix}", f"jsoncompacteachrow{suffix}")
}
_ARROW_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"

_TYPES = {
    "native": "application/octet-stream",
    "rowbinary": "application/octet-stream",
    "parquet": "application/octet-stream",
    "arrow": "application/octet-stream",
    "arrowstream": "application/octet-stream",
    "json": "application/json; charset=UTF-8",
    "jsoncompact": "application/json; charset=UTF-8",
    "jsoneachrow": "application/x-ndjson; charset=UTF-8",
    "csv": "text/csv; charset=UTF-8; header=absent",
    "csvwithnames": "text/csv; charset=UTF-8; header=present",
    "tabseparated": "text/tab-separated-values; charset=UTF-8",
    "tsv": "text/tab-separated-values; charset=UTF-8",
}


def content_type(name: str) -> str:
    """The media type of a format.

    >>> content_type("JSON")
    'application/json; charset=UTF-8'
    """
    return _TYPES.get(name.lower(), "text/plain; charset=UTF-8")


def streams(name: str) -> bool:
    """Whether results in this format can be sent while they are made.

    >>> streams("Native"), streams("ArrowStream"), streams("JSON")
    (True, True, False)
    """
    return name.lower() in _PLAIN or name.lower() in _NAMED_LINES or name.lower() == "arrowstream"


def has_head(name: str) -> bool:
    """Whether even an empty result says its columns in this format.

    >>> has_head("Native"), has_head("TSVWithNames")
    (False, True)
    """
    return name.lower() not in _PLAIN


def join_blocks(name: str, blocks: Iterable[bytes]) -> Iterator[bytes]:
    r"""One document out of the documents of the blocks.

    >>> list(join_blocks("TSVWithNames", [b"n\n1\n", b"n\n2\n"]))
    [b'n\n1\n', b'2\n']
    """
    name = name.lower()
    if name == "arrowstream":
        return _join_arrow(blocks)
    return _join_lines(blocks, _NAMED_LINES.get(name, 0))


def _join_lines(blocks: Iterable[bytes], lines: int) -> Iterator[bytes]:
    for index, block in enumerate(blocks):
        start = 0
        for _ in range(lines if index else 0):
            start = block.index(b"\n", start) + 1
        yield block[start:]


def _join_arrow(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """An Arrow stream is a schema message, record batches, an end; messages tell their length."""
    any_block = False
    for block in blocks:
        schema_end = 8 + int.from_bytes(block[4:8], "little")
        yield block[schema_end if any_block else 0 : -len(_ARROW_END)]
        any_block = True
    if any_block:
        yield _ARROW_END
