"""What a conversation costs on disk whose every turn repeats all turns before it.

Run: `python -m benchmarks.history` (a minute; it starts its own store in a temporary folder)
     `python -m benchmarks.history --sessions 20 --turns 5`   # smaller

Agents of `--sessions` sessions take turns, interleaved, each turn with the whole history as its input: 300 characters
of a question or a tool's result, 300 of an answer. After 1, 5, 10 and 20 turns everything is merged and weighed.
`new` is what a turn adds for the first time, compressed by itself: what content-addressed messages could reach at best.
"""

from __future__ import annotations

import argparse
import json
import random
import zlib
from dataclasses import dataclass, field
from pydoc_data.topics import topics  # type: ignore[import-not-found, unused-ignore] # typeshed leaves it out

from benchmarks.embedded import embedded
from monitor.store import Store

START_NS = 1_760_000_000_000_000_000
TABLES = ("otel_traces", "calls")
WEIGHED_AFTER = (1, 5, 10, 20)
PIECE = 300
COLUMNS = {
    "Timestamp": "DateTime64(9)",
    "TraceId": "String",
    "SpanId": "String",
    "SpanName": "LowCardinality(String)",
    "ServiceName": "LowCardinality(String)",
    "SpanAttributes": "Map(LowCardinality(String), String)",
    "Duration": "UInt64",
}


class Prose:
    """Text that compresses like prose: each word follows one that it follows in Python's own help."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._words = " ".join(topics.values()).split()
        self._after: dict[str, list[str]] = {}
        for word, following in zip(self._words, self._words[1:], strict=False):
            self._after.setdefault(word, []).append(following)

    def text(self, length: int) -> str:
        """About so many characters."""
        words = [self._chance.choice(self._words)]
        size = len(words[0])
        while size < length:
            words.append(self._chance.choice(self._after.get(words[-1], self._words)))
            size += len(words[-1]) + 1
        return " ".join(words)


@dataclass
class Session:
    """One agent's conversation."""

    name: str
    trace: str
    history: list[dict[str, object]] = field(default_factory=list)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with embedded() as server:
        store = server.database("history")
        print(
            f"{'turns':>5} {'otel_traces':>12} {'calls':>7} {'both':>7} {'new':>6}  bytes per turn"
        )
        chance = random.Random(given.seed)
        sessions = [
            Session(f"s-{number}", f"{chance.getrandbits(128):032x}")
            for number in range(given.sessions)
        ]
        prose, fresh = Prose(chance), 0
        for turn in range(1, given.turns + 1):
            rows = [_turn(one, turn, number, prose) for number, one in enumerate(sessions)]
            fresh += sum(_fresh(one) for one in sessions)
            store.client.insert(
                "otel_traces",
                rows,
                column_names=list(COLUMNS),
                column_type_names=list(COLUMNS.values()),
            )
            if turn in WEIGHED_AFTER or turn == given.turns:
                calls = turn * given.sessions
                weights = {table: _weigh(store, table) / calls for table in TABLES}
                print(
                    f"{turn:>5} {weights['otel_traces']:>12.0f} {weights['calls']:>7.0f}"
                    f" {sum(weights.values()):>7.0f} {fresh / calls:>6.0f}",
                    flush=True,
                )


def _turn(session: Session, turn: int, number: int, prose: Prose) -> list[object]:
    """The span of one more turn: a question first, then tools' results."""
    heard: dict[str, object] = {"type": "text", "content": prose.text(PIECE)}
    if turn > 1:
        heard = {"type": "tool_call_response", "id": f"c{turn - 1}", "response": prose.text(PIECE)}
    session.history.append({"role": "tool" if turn > 1 else "user", "parts": [heard]})
    asked = json.dumps(session.history)
    answer: dict[str, object] = {
        "role": "assistant",
        "parts": [
            {"type": "text", "content": prose.text(PIECE)},
            {"type": "tool_call", "id": f"c{turn}", "name": "search", "arguments": {"page": turn}},
        ],
    }
    session.history.append(answer)
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.conversation.id": session.name,
        "gen_ai.input.messages": asked,
        "gen_ai.output.messages": json.dumps([{**answer, "finish_reason": "tool_call"}]),
    }
    at = START_NS + turn * 30_000_000_000 + number * 100_000_000
    return [at, session.trace, f"{turn:08x}{number:08x}", "chat gpt-4o", "agent", attributes, 10**9]


def _fresh(session: Session) -> int:
    return len(zlib.compress(json.dumps(session.history[-2:]).encode()))


def _weigh(store: Store, table: str) -> int:
    store.command(f"OPTIMIZE TABLE {table} FINAL")
    [[size]] = store.client.query(
        "SELECT sum(bytes_on_disk) FROM system.parts"
        " WHERE active AND database = currentDatabase() AND table = {table:String}",
        parameters={"table": table},
    ).result_rows
    return int(size)


if __name__ == "__main__":
    main()
