"""Every command of `outerloop`: importing a module puts its commands on the tree."""

from __future__ import annotations

from monitor.cli import backup, demo, doctor, erase, incidents, jobs, parts, report, retrain
from monitor.cli import eval as eval_
from monitor.cli.root import cli

__all__ = [
    "backup",
    "cli",
    "demo",
    "doctor",
    "erase",
    "eval_",
    "incidents",
    "jobs",
    "parts",
    "report",
    "retrain",
]
