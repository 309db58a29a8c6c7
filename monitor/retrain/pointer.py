"""The release pointer: a small JSON file that says which model a service uses. The app reads it.

`<data dir>/releases/<service>.json`, replaced whole, and it remembers the pointer before it.
"""

from __future__ import annotations

import os
import re
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from monitor.curation.export import replace_text
from monitor.exceptions import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Pointer", "pointer_path", "read_pointer", "write_pointer"]


class Pointer(BaseModel):
    """Which release a service is to use."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    service: str
    release: str
    endpoint: str = ""
    """OpenAI-compatible base URL; '' means the one the app is configured with."""
    model: str = ""
    """Model name there; '' means the one the app is configured with."""
    retrain_id: str = ""
    promoted_at: datetime
    previous: Pointer | None = None
    """The pointer before this one; one step back is kept, the rest is in the retrains' events."""


def pointer_path(data_dir: Path, service: str) -> Path:
    """Where a service's pointer lies; a name that is no file name gets a hash."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", service):
        return data_dir / "releases" / f"{service}.json"
    return data_dir / "releases" / f"service-{sha256(service.encode()).hexdigest()[:16]}.json"


def read_pointer(data_dir: Path, service: str) -> Pointer | None:
    """The present pointer, or None before the first promotion.

    Raises:
        ConfigurationError: there is a file, and it is no pointer.
    """
    path = pointer_path(data_dir, service)
    try:
        return Pointer.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValidationError as error:
        raise ConfigurationError(
            f"{path} is no release pointer ({error.error_count()} faults); remove it, and the latest decision is"
            " written again within a minute"
        ) from error


def write_pointer(data_dir: Path, pointer: Pointer) -> Path:
    """Make `pointer` the present one, atomically and durably: a crash leaves the old file or the new one.

    Raises:
        OSError: it cannot be written.
    """
    path = pointer_path(data_dir, pointer.service)
    path.parent.mkdir(parents=True, exist_ok=True)
    before = pointer.previous.model_copy(update={"previous": None}) if pointer.previous else None
    replace_text(
        path, pointer.model_copy(update={"previous": before}).model_dump_json(indent=1) + "\n"
    )
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name is on the disk too
    finally:
        os.close(folder)
    return path
