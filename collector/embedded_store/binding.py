"""chDB's connection class, without what chDB would import beside it.

chDB imports pyarrow where it is installed, for results as Arrow tables. We take results as bytes,
and pyarrow costs some 45 MB and a tenth of a second at every start, so it is out of sight meanwhile.
"""

from __future__ import annotations

import sys

_hidden = "pyarrow" not in sys.modules
if _hidden:
    sys.modules["pyarrow"] = None  # type: ignore[assignment]  # Python's way to say "not importable"
try:
    from chdb.state.sqlitelike import Connection
finally:
    if _hidden:
        del sys.modules["pyarrow"]

__all__ = ["Connection"]
