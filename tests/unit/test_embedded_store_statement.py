"""What the embedded store reads off a SQL text before the engine gets it."""

from __future__ import annotations

import gzip
import zlib

import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from collector.embedded_store.compression import choose_encoding, decode, encoder
from collector.embedded_store.errors import QueryError
from collector.embedded_store.request import form_parts, read_query
from collector.embedded_store.statement import read_statement


@pytest.mark.parametrize(
    ("text", "sql", "format_", "data"),
    [
        (b"INSERT INTO t FORMAT Native\n\nx", "INSERT INTO t", "Native", b"\nx"),
        (b"insert into t(a,b)format TSV\r\n1\t2", "insert into t(a,b)", "TSV", b"1\t2"),
        (b"INSERT INTO t FORMAT JSONEachRow {}", "INSERT INTO t", "JSONEachRow", b"{}"),
        (b"INSERT INTO t VALUES (1, ';')", "INSERT INTO t", "Values", b" (1, ';')"),
        (
            b"INSERT INTO `format` (`values`) VALUES(1)",
            "INSERT INTO `format` (`values`)",
            "Values",
            b"(1)",
        ),
        (b"INSERT INTO t (format, a) FORMAT CSV\n1", "INSERT INTO t (format, a)", "CSV", b"1"),
        (b"-- FORMAT x\nINSERT INTO t SETTINGS a='VALUES' FORMAT CSV\n", None, "CSV", b""),
        (b"INSERT INTO FUNCTION null('a Int8') FORMAT CSV\n1", None, "CSV", b"1"),
        (b"INSERT INTO t", "INSERT INTO t", None, b""),
        (b"INSERT INTO t FORMAT Native", "INSERT INTO t", "Native", b""),
    ],
)
def test_the_data_of_an_insert_begin_after_its_format(
    text: bytes, sql: str | None, format_: str | None, data: bytes
) -> None:
    """An INSERT is split into its statement, its format, and every byte of its data."""
    statement = read_statement(text)
    assert statement is not None
    assert statement.data_at is not None
    assert (statement.format, text[statement.data_at :]) == (format_, data)
    assert sql is None or statement.sql == sql


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        ("SELECT 1 FORMAT JSON", "JSON"),
        ("SELECT 1 FORMAT JSON;", "JSON"),
        ("SELECT 1 FORMAT JSON SETTINGS max_threads = 1", "JSON"),
        ("SELECT 'FORMAT JSON'", None),
        ("SELECT 1 -- FORMAT JSON", None),
        ("SELECT format FROM t", None),
        ("SELECT format('{}', a) FROM t", None),
        ("SELECT $x$ ; FORMAT CSV $x$", None),
        ("INSERT INTO t SELECT 1", None),
        ("(SELECT 1) UNION ALL (SELECT 2) FORMAT TSV", "TSV"),
    ],
)
def test_a_result_format_is_found_only_where_it_is_a_clause(text: str, format_: str | None) -> None:
    """FORMAT counts at the end of the statement, not in strings, comments, names or functions."""
    statement = read_statement(text.encode())
    assert statement is not None
    assert (statement.format, statement.data_at) == (format_, None)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", 62),
        (b" -- nothing\n", 62),
        (b"SELECT 1; DROP TABLE t", 62),
        (b"SELECT 1;;SELECT 2", 62),
        (b"SELECT \xff", 62),
        (b"SELECT 1 INTO OUTFILE 'x'", 358),
        (b"INSERT INTO t SELECT a FROM input('a Int8') FORMAT CSV 1", 48),
        (b"system shutdown", 48),
    ],
)
def test_what_must_not_run_is_refused_with_a_code(text: bytes, code: int) -> None:
    """Several statements, files, input() and a shutdown never reach the engine."""
    with pytest.raises(QueryError) as refused:
        read_statement(text)
    assert refused.value.code == code


def test_semicolons_inside_strings_or_at_the_end_are_no_second_statement() -> None:
    """Only a semicolon with something after it separates statements."""
    for text in (
        b"SELECT ';'",
        b"SELECT 1 ; ; -- done",
        b"SELECT `a;b` /* ; x */",
        b"SELECT 'it\\'s; so'",
    ):
        assert read_statement(text) is not None


def test_an_insert_that_has_only_begun_to_arrive_is_not_decided() -> None:
    """More of the text is asked for until the format's name is surely complete."""
    assert read_statement(b"INSERT INTO t FORMAT Nat", complete=False) is None
    assert read_statement(b"INSERT INTO t (a", complete=False) is None
    assert read_statement(b"SELECT 1", complete=False) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    """The reader never fails otherwise than with a typed error."""
    try:
        statement = read_statement(text)
    except QueryError:
        return
    assert statement is not None


PACKED = {
    "gzip": gzip.compress, "deflate": zlib.compress, "lz4": lz4.frame.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}  # fmt: skip


@pytest.mark.parametrize("encoding", list(PACKED))
def test_bodies_are_unpacked_in_pieces_and_over_several_members(encoding: str) -> None:
    """Chunk borders and concatenated members make no difference."""
    packed = PACKED[encoding](b"one " * 1000) + PACKED[encoding](b"two")
    pieces = [packed[at : at + 7] for at in range(0, len(packed), 7)]
    assert b"".join(decode(pieces, encoding)) == b"one " * 1000 + b"two"


@pytest.mark.parametrize("encoding", list(PACKED))
def test_a_cut_or_broken_body_is_a_typed_error(encoding: str) -> None:
    """Bytes that do not decompress are told as CANNOT_DECOMPRESS."""
    packed = PACKED[encoding](bytes(range(256)) * 40)
    for body in (packed[:-5], b"garbage" + packed, packed[: len(packed) // 2]):
        with pytest.raises(QueryError) as refused:
            list(decode([body], encoding))
        assert refused.value.code == 271


@pytest.mark.parametrize("encoding", [*PACKED, None])
def test_what_is_packed_for_the_client_unpacks_to_the_same(encoding: str | None) -> None:
    """Each encoder's stream is whole after its flush, also when it is empty."""
    for pieces in ([], [b"a"], [b"x" * 100_000, b"", b"y"]):
        packer = encoder(encoding)
        packed = b"".join([*map(packer.compress, pieces), packer.flush()])
        assert b"".join(decode([packed], encoding or "")) == b"".join(pieces)


def test_the_client_chooses_among_the_encodings_that_there_are() -> None:
    """The first known name of Accept-Encoding wins."""
    assert choose_encoding("br, zstd;q=1, gzip") == "zstd"
    assert choose_encoding("") is None


def test_an_unknown_encoding_is_named_as_such() -> None:
    """A body in an encoding that is not there says which there are."""
    with pytest.raises(QueryError, match="zstd, lz4, gzip, deflate"):
        list(decode([b"x"], "snappy"))


def test_a_get_may_only_read() -> None:
    """GET is read-only as on a server, whatever the request says."""
    assert read_query("GET", {"readonly": "0"}, {}).settings["readonly"] == "2"
    assert "readonly" not in read_query("POST", {}, {}).settings


def test_block_compression_is_asked_for_by_the_url() -> None:
    """`compress=1` is for the answer, `decompress=1` for the body."""
    query = read_query("POST", {"compress": "1"}, {})
    assert (query.packs, query.packed) == (True, False)
    assert read_query("POST", {"decompress": "1"}, {}).packed


def test_a_form_carries_parameters_and_tables() -> None:
    """Text fields join the URL's, files become tables with the structure that the URL gives."""
    body = (
        b'--b\r\nContent-Disposition: form-data; name="param_a"\r\n\r\nx\r\n'
        b'--b\r\nContent-Disposition: form-data; name="t"; filename="t"\r\n\r\n1\r\n\r\n--b--\r\n'
    )
    fields, tables = form_parts(
        'multipart/form-data; boundary="b"', body, {"t_types": "UInt8,String"}
    )
    assert fields["param_a"] == "x"
    assert (tables[0].structure, tables[0].data) == ("_1 UInt8, _2 String", b"1\r\n")


def test_a_table_without_columns_is_refused() -> None:
    """An external table that nobody describes is an error, not a guess."""
    body = b'--b\r\nContent-Disposition: form-data; name="t"; filename="t"\r\n\r\n1\r\n--b--\r\n'
    with pytest.raises(QueryError, match="t_structure"):
        form_parts("multipart/form-data; boundary=b", body, {})


def test_an_error_that_quotes_raw_bytes_keeps_its_code() -> None:
    """Such a message cannot be decoded; its code and text are saved from the failed decoding."""
    raw = b"Code: 117. DB::Exception: Bad \xff. (INCORRECT_DATA)"
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        found = QueryError.from_engine(error)
    assert (found.code, found.name, found.status) == (117, "INCORRECT_DATA", 400)
