"""`python -m collector.masking.texts`: texts without personal data, for what leaves the store as no span.

Reads `{"settings", "service", "texts"}` as JSON from standard input and prints the texts as a list, masked by the
service's policy; `drop-content` masks here too, since a text without content would be no text.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from collector.masking.answering import answer
from collector.masking.policy import policy_of
from collector.masking.secret import secret_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.settings import Settings

__all__ = ["main", "without_personal_data"]

KEY = "input.value"
"""As which attribute the texts are looked at: any that is content."""


def without_personal_data(settings: Settings, service: str, texts: Sequence[str]) -> list[str]:
    """The texts by the service's policy; as they are where it has none.

    >>> from monitor.settings import load_settings
    >>> settings = load_settings(mask="on", mask_secret="s")
    >>> without_personal_data(settings, "any", ["I am ann@example.com", "due 2024-01-15"])
    ['I am [email]', 'due 2024-01-15']
    """
    policy = policy_of(settings, settings.mask_services.get(service), secret_of(settings))
    if policy is None:
        return list(texts)
    counts: Counter[str] = Counter()
    return [policy.scanner.mask(text, KEY, counts) for text in texts]


def main() -> int:
    """Answer; returns the exit status."""
    return answer(
        lambda settings, asked: without_personal_data(settings, asked["service"], asked["texts"])
    )


if __name__ == "__main__":
    sys.exit(main())
