"""What only the collector's own package knows, asked of a process of its own: packages do not import each other."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.exceptions import OuterloopError

__all__ = ["ask"]


def ask(module: str, asked: Mapping[str, Any], *, failure: type[OuterloopError]) -> Any:
    """The answer of `python -m module`, in JSON both ways.

    Ids go by standard input, not where `ps` shows them.

    Raises:
        OuterloopError: a `failure`, with what the process says it is.
    """
    done = subprocess.run(  # noqa: S603 - the module is a constant of ours
        [sys.executable, "-m", module],
        input=json.dumps(asked).encode(),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise failure(done.stderr.decode("utf-8", "replace").strip() or None)
    return json.loads(done.stdout)
