"""A judge's version: what it is and how it is set, as a short hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["OUTSIDE", "version_of"]

OUTSIDE = {"outside": True}
"""Metadata of a field that is a means (a client, a generator) and changes no judgement."""


def version_of(judge: DataclassInstance, *texts: str) -> str:
    """Twelve hex digits over the class, every parameter, and the prompt texts it uses."""
    parameters = {
        one.name: _plain(getattr(judge, one.name))
        for one in fields(judge)
        if one.init and not one.metadata.get("outside")
    }
    said = json.dumps([type(judge).__qualname__, parameters, texts], sort_keys=True, default=repr)
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    return value
