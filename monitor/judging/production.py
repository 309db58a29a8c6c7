"""The judges that watch production: definitions in `<data dir>/judges` that name services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from judges.definitions.reading import DefinitionError, load_folder
from monitor.exceptions import ConfigurationError

if TYPE_CHECKING:
    from judges.definitions.reading import Definition
    from monitor.settings import Settings

__all__ = ["FOLDER", "labels_of", "production_definitions", "share_of"]

FOLDER = "judges"
"""In the data directory: one TOML file for each judge."""


def production_definitions(settings: Settings) -> list[Definition]:
    """Definitions that name services, by file name.

    Raises:
        ConfigurationError: a file is no definition; names it and says what is wrong with it.
    """
    try:
        found = load_folder(settings.data_dir / FOLDER)
    except DefinitionError as error:
        raise ConfigurationError(str(error)) from error
    return [one for one in found if one.services]


def labels_of(settings: Settings) -> dict[str, tuple[str, ...]]:
    """By judge, names of the labels and outcomes that say what it judges, beside its own name."""
    return {one.score: one.labels for one in production_definitions(settings)}


def share_of(definition: Definition) -> float | None:
    """The share of calls that the file asks for; None where it leaves that to the wished-for sensitivity."""
    return definition.share if "share" in definition.model_fields_set else None
