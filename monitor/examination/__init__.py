"""What `outerloop doctor` looks at: surroundings, connections and what the store holds, one finding a line."""

from __future__ import annotations

from monitor.examination.finding import Finding, State
from monitor.examination.run import examine

__all__ = ["Finding", "State", "examine"]
