"""The key of placeholders."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.exceptions import ConfigurationError

if TYPE_CHECKING:
    from monitor.settings import Settings

__all__ = ["secret_of"]

KEY_BYTES = 32


def secret_of(settings: Settings) -> bytes:
    """The key of placeholders: the setting, or one that is made once and kept in the data directory.

    Raises:
        ConfigurationError: it cannot be kept there.
    """
    if settings.mask_secret is not None:
        return settings.mask_secret.get_secret_value().encode()
    path = settings.mask_key
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _create(path)
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"the key of masked ids cannot be kept in {path}: {error}; set OUTERLOOP_MASK_SECRET"
        ) from error


def _create(path: Path) -> None:
    """Make the key, whole or not at all; another process may do the same at this moment."""
    if path.exists():
        return
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    new.touch(mode=0o600)
    new.write_bytes(secrets.token_bytes(KEY_BYTES))
    try:
        path.hardlink_to(new)
    except FileExistsError:
        pass  # the other was first, and its key holds
    finally:
        new.unlink()
