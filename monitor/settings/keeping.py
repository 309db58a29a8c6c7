"""How long and how much is kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

__all__ = ["Keeping"]


class Keeping(BaseModel):
    """Retention of rows, and room for what waits to be written."""

    retention_days: int = Field(
        90, ge=0, description="days that rows are kept; 0 keeps them for ever", examples=[90]
    )
    wal_limit_mib: Annotated[int, Field(ge=64)] = Field(
        2048,
        description="MiB that the collector's write-ahead log may take while the store is away;"
        " when it is full senders are answered 503",
        examples=[8192],
    )
    raw_retention_days: int | None = Field(
        None,
        ge=0,
        description="days that raw spans and log records are kept, where `calls` and `steps` made of them shall"
        " stay longer; default: as OUTERLOOP_RETENTION_DAYS",
        examples=[14],
    )

    @property
    def raw_days(self) -> int:
        """Days that raw rows are kept; 0 keeps them for ever."""
        return self.retention_days if self.raw_retention_days is None else self.raw_retention_days
