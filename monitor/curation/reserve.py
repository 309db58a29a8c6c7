"""The reserved test share: which calls are kept for testing, decided by their trace id, for ever.

A keyed hash decides, so the share is a random sample of the traffic that nobody can steer by
choosing trace ids, and the same call gets the same answer on every day and in every process.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RESERVED_SHARE", "load_key", "position", "reserved"]

RESERVED_SHARE = 0.10
"""Share of the traffic that is never trained on."""
KEY_BYTES = 32


def position(text: str, key: bytes, purpose: str) -> float:
    """A number in [0, 1) that `text` always gets under `key`, independent for each purpose.

    >>> position("a", b"k", "reserve") == position("a", b"k", "reserve")
    True
    >>> position("a", b"k", "reserve") == position("a", b"k", "split")
    False
    """
    digest = blake2b(text.encode(), key=key, person=purpose.encode()[:16], digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def reserved(trace_id: str, key: bytes, share: float = RESERVED_SHARE) -> bool:
    """Whether this trace belongs to the reserved test share.

    >>> sum(reserved(str(number), b"key") for number in range(10_000)) / 10_000
    0.0955
    """
    return position(trace_id, key, "reserve") < share


def load_key(data_dir: Path) -> bytes:
    """The key of this installation, from `<data dir>/reserve.key`; made once, at first use.

    Losing the file would move calls between test and training, so it belongs in the backup.
    """
    path = data_dir / "reserve.key"
    data_dir.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        fresh = data_dir / f".reserve.key.{os.getpid()}.{secrets.token_hex(4)}"
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_hex(KEY_BYTES), "ascii")
        with contextlib.suppress(FileExistsError):  # another process was first: its key counts
            os.link(fresh, path)
        fresh.unlink()
    return bytes.fromhex(path.read_text("ascii").strip())
