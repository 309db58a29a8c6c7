"""One question as JSON on standard input, where no other process sees it; a list of texts on standard output."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from monitor.exceptions import OuterloopError
from monitor.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from monitor.settings import Settings

__all__ = ["answer"]


def answer(told: Callable[[Settings, Mapping[str, Any]], Sequence[str]]) -> int:
    """Read the question, print what `told` says to it by the settings that it names; returns the exit status."""
    asked = json.load(sys.stdin)
    try:
        texts = told(load_settings(**asked["settings"]), asked)
    except OuterloopError as error:
        print(error, file=sys.stderr)  # noqa: T201 - one line on what to do
        return error.exit_code
    print(json.dumps(texts))  # noqa: T201 - the answer
    return 0
