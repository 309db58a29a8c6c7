"""Attributes by which the dialects name people and sessions."""

from __future__ import annotations

import re

__all__ = ["IDENTITIES"]

IDENTITIES = {
    "user": re.compile(r"(^|[._])(end)?user[._]?id$|^mlflow\.trace\.user$", re.IGNORECASE),
    "session": re.compile(
        r"(session|conversation|thread)[._]?id$|^mlflow\.trace\.session$", re.IGNORECASE
    ),
}
"""By what they name; the erasure's SQL has the same."""
