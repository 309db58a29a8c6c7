"""What most commands begin with: the settings, and the store that they name."""

from __future__ import annotations

from monitor.settings import Settings, load_settings
from monitor.store import Store

__all__ = ["opened"]


def opened() -> tuple[Store, Settings]:
    """The store and the settings of this command."""
    settings = load_settings()
    return Store(settings.store), settings
