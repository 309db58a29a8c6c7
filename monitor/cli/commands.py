"""Every command of `outerloop` at once, for what looks at the whole tree: the documentation, and tests."""

from __future__ import annotations

from importlib import import_module

from monitor.cli.root import MODULES, cli

__all__ = ["cli"]

for module in {name for names in MODULES.values() for name in names}:
    import_module(f"monitor.cli.{module}")
