"""What the embedded store refuses before the engine sees it, and what it lets pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.embedded_store.blocks import BlockEncoder, read_blocks
from collector.embedded_store.errors import QueryError
from collector.embedded_store.guard import Guard
from collector.embedded_store.limits import limits

RECORDED = Path(__file__).parents[1] / "data" / "store"
PLAIN = b"1\tone\n2\ttwo\n" + b"".join(b"%d\t%s\n" % (i, b"x" * 20) for i in range(3, 400))


@pytest.fixture(scope="module")
def guard() -> Guard:
    """A guard over some of the engine's names."""
    return Guard(
        ["file", "url", "s3", "remote", "executable", "filesystem", "numbers", "Python", "eval"],
        ["File", "URL", "MergeTree", "Memory", "MySQL", "Filesystem", "ReplacingMergeTree"],
        ["max_memory_usage"],
    )


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT 1 WHERE 1 IN (SELECT c FROM `FiLe` /* so */ ('/etc/passwd'))",
        "SELECT * FROM `f\\x69le`('/etc/passwd')",
        "SELECT file('/etc/passwd')",
        "INSERT INTO FUNCTION url('http://elsewhere', 'TSV', 'a Int8') SELECT 1",
        "CREATE VIEW v AS SELECT * FROM s3('https://x')",
        "DESCRIBE TABLE remote('elsewhere', system.one)",
        "SELECT * FROM executable('x.sh', TSV, 'a String')",
        "SELECT * FROM eval('SELECT 1')",
        "SELECT 1 INTO OUTFILE 'x'",
        "INSERT INTO t FROM INFILE 'x' FORMAT TSV",
        "CREATE TABLE f (a String) ENGINE = File(TSV, '/x')",
        "CREATE TABLE f (a String) ENGINE File(TSV)",
        "CREATE DATABASE d ENGINE = Filesystem('/')",
        "CREATE DICTIONARY d (a Int8) PRIMARY KEY a SOURCE(FILE(PATH '/etc/passwd' FORMAT 'TSV'))",
        "ATTACH TABLE t FROM '/elsewhere' (a Int8) ENGINE = MergeTree ORDER BY a",
        "CREATE TABLE t (a String DEFAULT file('/etc/passwd'))",
        "BACKUP DATABASE d TO Disk('x', 'y')",
        "BACKUP DATABASE d TO File('/etc/cron.d')",
        "BACKUP DATABASE d TO File('../x')",
        "SYSTEM SHUTDOWN",
        "SYSTEM ENABLE FAILPOINT x",
        "SELECT 1 SETTINGS output_format_schema = '/x'",
        "SELECT 1 SETTINGS profile = 'default'",
        "INSERT INTO t SETTINGS format_schema = '/x:Y' FORMAT Protobuf",
        "SELECT * FROM `/etc/passwd`",
        "SELECT * FROM '/etc/passwd'",
        'SELECT * FROM default."/etc/passwd"',
        "SELECT * FROM t JOIN '/etc/passwd' USING a",
        "SELECT * FROM t, '/etc/passwd'",
        "SELECT (1), * FROM (SELECT 1) AS t, '/etc/passwd' AS b WHERE f(1, 2)",
        "SELECT * FROM `a/../../x`",
    ],
)
def test_what_leads_out_of_the_store_is_refused(guard: Guard, sql: str) -> None:
    """Files, URLs, other machines, programs and the process itself, however they are written."""
    with pytest.raises(QueryError) as refused:
        guard.check(sql)
    assert refused.value.code in (497, 358)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sum(number) FROM numbers(10)",
        "SELECT 'file(x)', url, file FROM t -- file('/x')",
        "SELECT engine FROM system.tables WHERE engine = 'File'",
        "SELECT a AS `tokens/s` FROM t ORDER BY `tokens/s`",
        "SELECT * FROM t WHERE path IN ('/a', '/b') OR startsWith(path, '/c')",
        "SELECT concat(a, '/b'), '/c' FROM t, u WHERE a = '/d' ORDER BY 1, '/e'",
        "CREATE TABLE t (a Int8) ENGINE = ReplacingMergeTree ORDER BY a",
        "BACKUP DATABASE d TO File('name-1.2')",
        "SYSTEM STOP MERGES t",
        "INSERT INTO t SETTINGS format_schema_source = 'string', format_schema = 'x' FORMAT Protobuf",
    ],
)
def test_what_stays_in_the_store_passes(guard: Guard, sql: str) -> None:
    """The same words as names, texts and comments mean nothing."""
    assert guard.check(sql) == {}


@pytest.mark.parametrize("value", ["0", "1e12", "'1T'", "DEFAULT", "1000000000000"])
def test_a_limit_cannot_be_raised_in_the_sql(guard: Guard, value: str) -> None:
    """No spelling of a large number, of none, or of the default gets past the cap."""
    wanted = guard.check(f"SELECT (SELECT 1 SETTINGS max_memory_usage = {value})")
    with pytest.raises(QueryError, match="452"):
        limits(1 << 30, 2).check(wanted)


@pytest.mark.parametrize("method", ["lz4", "zstd"])
@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_blocks_of_another_implementation_are_read(method: str, step: int) -> None:
    """What clickhouse-driver packed, in pieces of any size."""
    packed = (RECORDED / f"blocks.{method}").read_bytes()
    chunks = (packed[at : at + step] for at in range(0, len(packed), step))
    assert b"".join(read_blocks(chunks)) == PLAIN


@pytest.mark.parametrize(("at", "code"), [(0, 40), (40, 40), (16, 89), (20, 131), (-1, 40)])
def test_a_damaged_block_is_refused(at: int, code: int) -> None:
    """Checksum, method, size, data: each has its own code; nothing of the block comes through."""
    packed = bytearray(BlockEncoder().compress(b"x" * 100 + bytes(range(256))))
    packed[at] ^= 0xFF
    with pytest.raises(QueryError) as refused:
        list(read_blocks([bytes(packed)]))
    assert refused.value.code == code


def test_a_chain_that_breaks_off_is_refused() -> None:
    """The blocks before the break are given, then the error comes."""
    packed = BlockEncoder().compress(PLAIN)
    with pytest.raises(QueryError, match="ends within a block"):
        list(read_blocks([packed[:-1]]))
