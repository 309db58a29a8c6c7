"""Who or what is to be erased, and the name under which a receipt may speak of it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from monitor.exceptions import ConfigurationError

__all__ = ["Kind", "Subject"]

Kind = Literal["user", "session", "trace"]


@dataclass(frozen=True, slots=True)
class Subject:
    """One user, session or trace."""

    kind: Kind
    id: str
    aliases: tuple[str, ...] = ()
    """What masking made of the id on its way in."""

    def __post_init__(self) -> None:
        if not self.id.strip():
            raise ConfigurationError(
                f"an empty --{self.kind} would mean every row that names none; give the id"
            )

    @property
    def ids(self) -> tuple[str, ...]:
        """Every form of the id that a row may hold."""
        return (self.id, *self.aliases)

    def pseudonym(self, key: bytes) -> str:
        """A keyed hash: the same subject gives the same text, and without the key it cannot be guessed.

        Ids are short, so a plain or salted hash could be searched; the key never leaves the data directory.

        >>> Subject("user", "u-9").pseudonym(b"key") == Subject("session", "u-9").pseudonym(b"key")
        False
        """
        return hmac.new(key, f"erasure\0{self.kind}\0{self.id}".encode(), sha256).hexdigest()
