"""Evidently, imported when it is asked for: seconds of imports, and an extra of its own.

Only descriptors that need no download, no model and no network are used.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from monitor.exceptions import ConfigurationError
from monitor.report.frames import Columns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

__all__ = ["DESCRIPTORS", "describe", "missing", "write_html"]

DESCRIPTORS = ("characters", "words", "sentences", "non-letters %")
"""What is said of every text: Evidently's TextLength, WordCount, SentenceCount, NonLetterCharacterPercentage."""


def missing() -> str | None:
    """A sentence that says how to get Evidently, or None when it is there."""
    if importlib.util.find_spec("evidently"):
        return None
    return "Evidently is not installed: pip install 'outerloop[reports]'"


@contextmanager
def _evidently() -> Iterator[None]:
    """Evidently without its telemetry, and without the warnings about its own use of other libraries.

    Raises:
        ConfigurationError: it is not installed.
    """
    if said := missing():
        raise ConfigurationError(said)
    os.environ.setdefault("DO_NOT_TRACK", "1")
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # numpy.core, litestar, division by an empty column: not ours to mend
        yield


def _dataset(frame: pd.DataFrame, columns: Columns) -> Any:
    from evidently import DataDefinition, Dataset  # noqa: PLC0415 - see the module's docstring
    from evidently.descriptors import (  # noqa: PLC0415 - see the module's docstring
        NonLetterCharacterPercentage,
        SentenceCount,
        TextLength,
        WordCount,
    )

    kinds = (TextLength, WordCount, SentenceCount, NonLetterCharacterPercentage)
    kept = frame[[*columns.texts, *columns.numbers, *columns.categories]].copy()
    for name in (*columns.texts, *columns.categories):
        kept[name] = kept[name].astype("object").where(kept[name].notna(), "").astype(str)
    for name in columns.texts:  # an empty text is none: Evidently divides by its length
        kept[name] = kept[name].where(kept[name] != "", None)
    for name in columns.numbers:
        kept[name] = kept[name].astype("float64")
    return Dataset.from_pandas(
        kept,
        data_definition=DataDefinition(
            text_columns=list(columns.texts),
            numerical_columns=list(columns.numbers),
            categorical_columns=list(columns.categories),
        ),
        descriptors=[
            kind(text, alias=f"{text} {name}")
            for text in columns.texts
            for kind, name in zip(kinds, DESCRIPTORS, strict=True)
        ],
    )


def describe(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The descriptors of a frame's texts, a column each: `input words`, `output characters`, ….

    Raises:
        ConfigurationError: Evidently is not installed.
    """
    with _evidently():
        told: pd.DataFrame = _dataset(frame, columns).as_dataframe()
    return told[[f"{text} {name}" for text in columns.texts for name in DESCRIPTORS]]


def write_html(
    current: pd.DataFrame, reference: pd.DataFrame, columns: Columns, path: Path
) -> None:
    """Evidently's drift and summary of one frame against another, as one self-contained HTML file.

    Texts are in it by their descriptors alone: what a person said is in the store, where it can be erased.

    Raises:
        ConfigurationError: Evidently is not installed.
    """
    with _evidently():
        from evidently import Report  # noqa: PLC0415 - see the module's docstring
        from evidently.presets import (  # noqa: PLC0415 - see the module's docstring
            DataDriftPreset,
            DataSummaryPreset,
        )

        described = [f"{text} {name}" for text in columns.texts for name in DESCRIPTORS]
        shown = Columns((), (*columns.numbers, *described), columns.categories)
        new, old = (
            _dataset(_dataset(frame, columns).as_dataframe(), shown)
            for frame in (current, reference)
        )
        report = Report([DataDriftPreset(), DataSummaryPreset()])
        report.run(new, old).save_html(str(path))
