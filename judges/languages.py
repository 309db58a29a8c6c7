"""Which language a text is in: one model for judges and detectors alike, loaded at its first use."""

from __future__ import annotations

from functools import cache
from typing import Any

__all__ = ["known_languages", "letters_of", "likeliest"]


def likeliest(text: str) -> tuple[str, float]:
    """The likeliest of 139 languages, as an ISO 639-1 code, and its probability.

    >>> likeliest("When is my next payment due, please?")[0]
    'en'
    """
    language, probability = _identifier().classify(text)
    return str(language), float(probability)


def known_languages() -> frozenset[str]:
    """The codes of all languages that can be told."""
    return frozenset(map(str, _identifier().labels))


def letters_of(text: str) -> int:
    """How much of a text has a language: its letters; a Chinese, Japanese or Korean sign counts as three.

    >>> letters_of("due: 42"), letters_of("请")
    (3, 3)
    """
    return sum(3 if "\u2e80" < sign < "\ud7ff" else 1 for sign in text if sign.isalpha())


@cache
def _identifier() -> Any:
    from py3langid.langid import (  # type: ignore[import-untyped]  # noqa: PLC0415 - ships no types; its model takes a second to load
        MODEL_FILE,
        LanguageIdentifier,
    )

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
