"""A ClickHouse engine that knows clusters, in a process of its own: runs statements from standard input.

The embedded engine takes a server's configuration. Cluster `one` is one shard, `two` are two, all of them this very
process: enough to create Distributed tables, insert through them and read through them. Replication needs a Keeper,
so Replicated engines are made plain; `ON CLUSTER` needs one as well and is left out.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from chdb.state.sqlitelike import Connection

CONFIGURATION = """<clickhouse><tcp_port>9000</tcp_port><remote_servers>
<one><shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard></one>
<two><shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>
<shard><replica><host>localhost</host><port>9000</port></replica></shard></two>
</remote_servers></clickhouse>"""
REPLICATED = re.compile(r"ENGINE = Replicated(\w+)\('[^']*', '[^']*'(?:, )?")
WINDOW = re.compile(r"\breplicated_(deduplication_window = \d+), replicated_dedup\w+ = \d+")


def single(statement: str) -> str:
    """A cluster's statement as one process without a Keeper can run it."""
    plain = REPLICATED.sub(r"ENGINE = \1(", re.sub(r"ON CLUSTER `\w+` ?", "", statement))
    return WINDOW.sub(r"non_replicated_\1", plain)


def main() -> None:
    """Run `{"folder", "statements", "settings", "parse"}`; print the rows of each statement, or its error."""
    asked = json.load(sys.stdin)
    configuration = Path(asked["folder"]) / "config.xml"
    configuration.write_text(CONFIGURATION, "utf-8")
    connection = Connection(f"{asked['folder']}/data?config-file={configuration}")
    for name, value in asked["settings"].items():
        connection.query(f"SET {name} = '{value}'")
    answers = []
    for statement in asked["statements"]:
        try:
            if asked["parse"]:
                escaped = statement.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
                connection.query(
                    "SELECT formatQuery({sql:String})", "Null", params={"sql": escaped}
                )
            else:
                rows = bytes(
                    connection.query(single(statement), "JSONCompactEachRow").bytes() or b""
                )
                answers.append([json.loads(line) for line in rows.decode().splitlines()])
        except RuntimeError as error:
            answers.append(f"{statement[:80]}: {str(error)[:400]}")
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
