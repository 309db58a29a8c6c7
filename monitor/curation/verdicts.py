"""What a person may say of an answer, and what follows from it; what does not fit together is refused."""

from __future__ import annotations

import json
import math

from monitor.curation.messages import answer
from monitor.exceptions import OuterloopError

__all__ = ["VERDICTS", "LabelError", "right_answer"]

VERDICTS = {"right": 1.0, "wrong": 0.0, "unclear": math.nan}
"""What a person may say of an answer, and its value; `unclear` keeps the call from coming again."""
LONGEST_LABEL = 200_000
"""Characters of a corrected output."""


class LabelError(OuterloopError):
    """That is no label: say right, wrong (best with the right answer) or unclear."""

    exit_code = 2


def right_answer(given: str, reviewer: str, verdict: str, corrected: str, *, as_text: bool) -> str:
    """The right answer that a verdict implies; '' where it implies none.

    Args:
        given: what the model answered.
        reviewer: who says it.
        verdict: one of `VERDICTS`.
        corrected: the right answer, or the fields of it that were wrong.
        as_text: it is a text although the model's answer was JSON.

    Raises:
        LabelError: what is said does not fit together; says how.
    """
    if not reviewer.strip():
        raise LabelError("a label needs the name of the person who gives it")
    if verdict not in VERDICTS:
        raise LabelError(f"{verdict!r} is no verdict; say one of {', '.join(VERDICTS)}")
    if not corrected.strip():
        return given if verdict == "right" else ""
    if verdict != "wrong":
        raise LabelError(f"a corrected answer goes with `wrong`, not with {verdict!r}")
    if len(corrected) > LONGEST_LABEL:
        raise LabelError(
            f"the corrected answer has {len(corrected):,} characters; {LONGEST_LABEL:,} are the most"
        )
    if not as_text and _is_json(given) and not _is_json(corrected):
        raise LabelError(
            "the model answered with JSON and the correction is none: write the whole object, or its wrong fields alone"
            f" ({_problem(corrected)}); or say that it is text"
        )
    return corrected


def _is_json(text: str) -> bool:
    return isinstance(answer(text), dict | list)


def _problem(text: str) -> str:
    try:
        json.loads(text)
    except ValueError as error:
        return str(error)
    except RecursionError:
        return "nested too deeply to be read"
    return "it is a single value"
