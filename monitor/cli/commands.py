"""Every command of `outerloop`: importing a module puts its commands on the tree."""

from __future__ import annotations

from monitor.cli import (
    backup,
    baselines,
    dataset,
    demo,
    doctor,
    erase,
    incidents,
    jobs,
    lineage,
    parts,
    report,
    retrain,
    retrain_show,
    review,
)
from monitor.cli import eval as eval_
from monitor.cli.root import cli

__all__ = [
    "backup",
    "baselines",
    "cli",
    "dataset",
    "demo",
    "doctor",
    "erase",
    "eval_",
    "incidents",
    "jobs",
    "lineage",
    "parts",
    "report",
    "retrain",
    "retrain_show",
    "review",
]
