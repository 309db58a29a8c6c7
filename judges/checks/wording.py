"""Checks of an answer's wording: patterns that it must or must not match, its length, its language."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import re2  # type: ignore[import-untyped]  # google-re2 ships no types

from judges.checks.texts import leaves, parse, rough_tokens, show, words
from judges.interaction import Interaction, Judgement, NotApplicable
from judges.languages import known_languages, letters_of, likeliest
from judges.versions import OUTSIDE, version_of

__all__ = ["Language", "Length", "Regex"]

PATTERN_BYTES = 8 << 20
"""Memory that RE2 may take for one pattern."""
CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|(?<!\S)\S+@\S+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Regex:
    r"""Does the answer match one pattern and not another?

    Patterns are RE2's, found anywhere in the text (`^…$` binds them to its ends, `(?s)` lets a dot
    match a line's end): they take time in proportion to the text, whoever wrote them, and know no
    look-around and no back-references.

    Raises:
        ValueError: no pattern, or one that RE2 refuses.
    """

    must_match: str = ""
    must_not_match: str = ""
    name: str = "regex"
    _compiled: tuple[Any, Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.must_match and not self.must_not_match:
            raise ValueError(r"a regex check needs must_match or must_not_match, e.g. ^\d{4}$")
        compiled = (_compile(self.must_match), _compile(self.must_not_match))
        object.__setattr__(self, "_compiled", compiled)

    @property
    def version(self) -> str:
        """Hash of this judge's definition."""
        return version_of(self)

    async def __call__(self, interaction: Interaction) -> Judgement:
        """True when both hold."""
        wanted, unwanted = self._compiled
        text = interaction.output.encode("utf-8", "replace")
        reason = ""
        if self.must_match and not wanted.search(text):
            reason = f"nothing matches {self.must_match}"
        elif self.must_not_match and (found := unwanted.search(text)):
            reason = (
                f"{show(found.group().decode('utf-8', 'replace'))} matches {self.must_not_match}"
            )
        label = "mismatch" if reason else "match"
        return Judgement(
            self.name, value=not reason, label=label, reason=reason, version=self.version
        )


@dataclass(frozen=True, slots=True)
class Length:
    """Is the answer no shorter and no longer than it may be?

    Tokens are estimated (`judges.checks.texts.rough_tokens`) unless a counter of the model's own is given.

    Raises:
        ValueError: no bound, or bounds that exclude everything.
    """

    least: int = 0
    most: int | None = None
    unit: Literal["characters", "words", "tokens"] = "words"
    name: str = "length"
    tokens: Callable[[str], int] | None = field(default=None, repr=False, metadata=OUTSIDE)

    def __post_init__(self) -> None:
        if self.most is None and self.least <= 0:
            raise ValueError("a length check needs least or most, e.g. most = 200")
        if self.most is not None and self.most < self.least:
            raise ValueError(f"no length is at least {self.least} and at most {self.most}")

    @property
    def version(self) -> str:
        """Hash of this judge's definition."""
        return version_of(self, "exact" if self.tokens else "")

    async def __call__(self, interaction: Interaction) -> Judgement:
        """True when it is within the bounds; the length is in the details."""
        length = self._measure(interaction.output)
        label, reason = "within", ""
        if length < self.least:
            label, reason = "short", f"{length} {self.unit}, at least {self.least}"
        elif self.most is not None and length > self.most:
            label, reason = "long", f"{length} {self.unit}, at most {self.most}"
        details: dict[str, bool | float | str] = {self.unit: float(length)}
        return Judgement(self.name, not reason, label, reason, self.version, details=details)

    def _measure(self, text: str) -> int:
        if self.unit == "words":
            return len(words(text))
        if self.unit == "tokens":
            return (self.tokens or rough_tokens)(text)
        return len(text)


@dataclass(frozen=True, slots=True)
class Language:
    """Is the answer written in one of the expected languages?

    py3langid names the likeliest of 139 languages; code, addresses and what holds no letters is left
    out, of a JSON answer only the texts are read. A text with fewer than `letters` letters, or of
    which it is not sure, is not judged: single words and names have no certain language.

    Args:
        expected: ISO 639-1 codes, e.g. `("en", "de")`.
        sure: least probability of the named language when all 139 could be it.
        letters: fewer say nothing; a Chinese, Japanese or Korean sign counts as three.

    Raises:
        ValueError: a code that is not known.
    """

    expected: tuple[str, ...]
    name: str = "language"
    sure: float = 0.5
    letters: int = 20

    def __post_init__(self) -> None:
        unknown = set(self.expected) - known_languages()
        if unknown or not self.expected:
            said = ", ".join(sorted(unknown)) or "nothing"
            raise ValueError(f"no language is called {said}; use ISO 639-1 codes, e.g. en or pt")

    @property
    def version(self) -> str:
        """Hash of this judge's definition."""
        return version_of(self)

    async def __call__(self, interaction: Interaction) -> Judgement | NotApplicable:
        """True when it is; the label is the language."""
        text = _prose(interaction.output)
        if letters_of(text) < self.letters:
            return NotApplicable(self.name, "too short to have a language", self.version)
        language, probability = likeliest(text)
        if probability < self.sure:
            reason = f"perhaps {language}, with a probability of {probability:.2f}"
            return NotApplicable(self.name, reason, self.version)
        fits = language in self.expected
        reason = "" if fits else f"written in {language}, expected {' or '.join(self.expected)}"
        details = {"probability": probability}
        return Judgement(self.name, fits, language, reason, self.version, details=details)


def _compile(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = PATTERN_BYTES
    try:
        return re2.compile(pattern.encode(), options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        said = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        raise ValueError(
            f"{pattern} is no RE2 expression ({said}); RE2 has no look-around and no back-references"
        ) from error


def _prose(text: str) -> str:
    """What of an answer is language: of JSON the texts, without code and addresses."""
    if text.lstrip()[:1] in {"{", "["}:
        with suppress(ValueError):  # prose may start with a bracket
            text = "\n".join(value for _, value in leaves(parse(text)) if isinstance(value, str))
    return CODE.sub(" ", text)
