"""A notebook, cell by cell, in a real kernel. Run by `benchmarks.sdk.hosts`, in its environment.

Prints `RESULT` and how each cell ended as JSON on its last line.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

from jupyter_client.manager import start_new_kernel

__all__ = ["main"]

PATIENCE_S = 60.0
INTERRUPT_AFTER_S = 1.0
DEFINE = """
import asyncio, time
import monitor
monitor.init(service="notebook", endpoint={endpoint!r})

@monitor.observe
def look_up(text): return len(text)

@monitor.observe
async def answer(text):
    await asyncio.sleep(0)
    return look_up(text)

@monitor.observe
def words(text): yield from map(len, text.split())

@monitor.observe
def broken(text): raise ValueError("no year")

@monitor.observe
def endless(text): time.sleep(30)
"""
CELLS = (
    "look_up({text!r})",
    "await answer({text!r})",  # two spans
    "stream = words({text!r}); next(stream)",  # left open until the next such cell
    "broken({text!r})",
)
SPANS_PER_ROUND = 5


def _unheard(message: dict[str, Any]) -> None:
    """What a cell prints is not ours to show."""


def main() -> None:
    """`ENDPOINT ROUNDS`: all cells, again and again, an interrupt and a restart in between."""
    endpoint, rounds = sys.argv[-2], int(sys.argv[-1])
    manager, client = start_new_kernel(startup_timeout=PATIENCE_S, kernel_name="python3")
    ends: list[str] = []

    def run(code: str) -> None:
        reply: dict[str, Any] = client.execute_interactive(
            code, timeout=PATIENCE_S, output_hook=_unheard
        )["content"]
        ends.append(str(reply.get("ename") or reply["status"]))

    try:
        for number in range(rounds):
            if number % (rounds // 2) == 0:
                if number:
                    manager.restart_kernel(now=False)
                    client.wait_for_ready(timeout=PATIENCE_S)
                run(DEFINE.format(endpoint=endpoint))
            for cell in CELLS:
                run(cell.format(text=f"CALL-{number}-END of a notebook's cell"))
        timer = threading.Timer(INTERRUPT_AFTER_S, manager.interrupt_kernel)
        timer.start()
        run(f"endless('CALL-{rounds}-END')")
        timer.join()
        run(f"look_up('CALL-{rounds}-END')")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=False)
    print("RESULT " + json.dumps({"ends": ends}))


if __name__ == "__main__":
    main()
