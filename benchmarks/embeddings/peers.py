"""What other tools say of the same windows, by their own defaults; a tool that is not there is left out."""

from __future__ import annotations

import warnings
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["peers"]

EVIDENTLY = "evidently.legacy.metrics.data_drift.embedding_drift_methods"
ALIBI_REFERENCE, ALIBI_ROWS = 1000, 500
"""Its exact test over more rows takes seconds for each window."""


def peers() -> dict[str, Callable[[NDArray[np.float32], NDArray[np.float32]], bool]]:
    """By name: whether the tool calls (reference, window) a drift."""
    found: dict[str, Callable[[NDArray[np.float32], NDArray[np.float32]], bool]] = {}
    if find_spec("evidently") is not None:
        methods = import_module(EVIDENTLY)
        for name in ("model", "distance", "ratio", "mmd"):
            found[f"Evidently {name}"] = _evidently(getattr(methods, name)())
    if find_spec("alibi_detect") is not None:
        found["alibi-detect MMD p<.01"] = _alibi
    return found


def _evidently(method: Any) -> Callable[[NDArray[np.float32], NDArray[np.float32]], bool]:
    def verdict(reference: NDArray[np.float32], window: NDArray[np.float32]) -> bool:
        names = [f"v{column}" for column in range(reference.shape[1])]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, moved, _ = method(
                pd.DataFrame(window, columns=names), pd.DataFrame(reference, columns=names)
            )
        return bool(moved)

    return verdict


def _alibi(reference: NDArray[np.float32], window: NDArray[np.float32]) -> bool:
    detector = import_module("alibi_detect.cd").MMDDrift
    test = detector(reference[-ALIBI_REFERENCE:], backend="pytorch", p_val=0.01)
    return bool(test.predict(window[-ALIBI_ROWS:])["data"]["is_drift"])
