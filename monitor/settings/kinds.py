"""Kinds of values that settings take, and how their text is read."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AnyHttpUrl, BeforeValidator, Field
from pydantic_settings import NoDecode

from judges.asking.prices import Price, parse_prices

__all__ = [
    "PREFIX",
    "Amounts",
    "MaskMode",
    "NameList",
    "Names",
    "Port",
    "Prices",
    "Table",
    "Url",
    "Zone",
]

PREFIX = "OUTERLOOP_"


def _http_url(value: object) -> object:
    if value is None or value == "":
        return None
    AnyHttpUrl(str(value))
    return str(value).rstrip("/")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{name!r} is no time zone; use an IANA name") from error
    return name


def _names(value: object) -> object:
    return (
        [name.strip() for name in value.split(",") if name.strip()]
        if isinstance(value, str)
        else value
    )


def _patterns(value: object) -> object:
    """`name=expression`, one a line; in `outerloop.toml` a table."""
    if not isinstance(value, str):
        return value
    lines = [line.strip() for line in value.splitlines() if line.strip()]
    pairs = [line.partition("=") for line in lines]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError("write name=expression, one a line")
    return {name.strip(): pattern.strip() for name, _, pattern in pairs}


def _prices(value: object) -> object:
    """`model=input/output`, by comma or one a line; in `outerloop.toml` a table of `"input/output"`."""
    if isinstance(value, dict):
        entries = (f"{model}={price}" for model, price in value.items() if isinstance(price, str))
        return {**value, **parse_prices("\n".join(entries))}
    return parse_prices(value) if isinstance(value, str) else value


Url = Annotated[str | None, BeforeValidator(_http_url)]
Port = Annotated[int, Field(ge=1, le=65535)]
Zone = Annotated[str, AfterValidator(_zone)]
NameList = Annotated[list[str], BeforeValidator(_names)]
"""Where JSON comes in: a list, or names separated by commas."""
Names = Annotated[list[str], NoDecode, BeforeValidator(_names)]
Table = Annotated[dict[str, str], NoDecode, BeforeValidator(_patterns)]
Amounts = Annotated[dict[str, Annotated[float, Field(ge=0)]], NoDecode, BeforeValidator(_patterns)]
Prices = Annotated[dict[str, Price], NoDecode, BeforeValidator(_prices)]
MaskMode = Literal["off", "on", "drop-content"]
