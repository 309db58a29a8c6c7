"""Whether an answer can be used: JSON, and the service's schema where it has one."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from judges.checks.json_answers import JsonSchema
from judges.interaction import Interaction, Judgement
from monitor.exceptions import ConfigurationError
from monitor.retrain.answers import is_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

__all__ = ["validity"]


def validity(data_dir: Path, service: str, *, now: datetime) -> Callable[[str], bool]:
    """The question that the `checks` job asks, of any answer.

    Raises:
        ConfigurationError: the service's schema is none.
    """
    path = data_dir / "schemas" / f"{service}.json"
    if not path.exists():
        return is_json
    try:
        check = JsonSchema(json.loads(path.read_text("utf-8")))
    except ValueError as error:
        raise ConfigurationError(f"{path} is no JSON Schema: {error}; mend it") from error

    def valid(text: str) -> bool:
        verdict = asyncio.run(check(Interaction("", "", now, "", text)))
        if not isinstance(verdict, Judgement):
            raise ConfigurationError(f"{path} cannot be asked: {verdict.reason}; mend it")
        return bool(verdict.value)

    return valid
