"""A stock clickhouse-connect client against the embedded store: what Outerloop asks of it."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData

pytestmark = pytest.mark.integration


@pytest.fixture
def url(store_server: str) -> str:
    """A fresh, empty database."""
    name = f"p_{uuid.uuid4().hex[:12]}"
    assert ask(f"{store_server}/", f"CREATE DATABASE {name}".encode())[0] == 200
    return f"{store_server}/{name}"


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    """A stock client with a table `t`."""
    client = connect(url)
    client.command(
        "CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a"
        " SETTINGS non_replicated_deduplication_window = 100"
    )
    yield client
    client.close()


def connect(url: str, **options: Any) -> Client:
    """A stock client."""
    return clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False, **options)


def ask(
    url: str, body: bytes | None = None, method: str | None = None, **headers: str
) -> tuple[int, bytes, dict[str, str]]:
    """One plain HTTP request: status, body, headers."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, names, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), dict(error.headers)


def test_a_browserless_get_answers(store_server: str) -> None:
    """What a person tries first with curl works: a query in the URL, the health check, the root."""
    assert ask(f"{store_server}/?query=SELECT+1")[:2] == (200, b"1\n")
    for path in ("/", "/ping", "/replicas_status"):
        assert ask(store_server + path)[:2] == (200, b"Ok.\n")
    assert ask(f"{store_server}/nowhere")[0] == 404


def test_headers_name_query_format_timezone_and_counts(store_server: str) -> None:
    """A client learns from the headers what a server's would tell it."""
    _, _, headers = ask(f"{store_server}/?query=SELECT+1&query_id=mine&default_format=CSV")
    assert headers["x-clickhouse-query-id"] == "mine"
    assert headers["x-clickhouse-format"] == "CSV"
    assert headers["x-clickhouse-timezone"]
    assert json.loads(headers["x-clickhouse-summary"])["result_rows"] == "1"


PARAMETERS = [
    ("DateTime64(3)", datetime(2024, 1, 1, 12, 30, 0, 123000, tzinfo=UTC)),
    ("Array(String)", ["it's", "tab\t", "back\\slash", 'say "x"', "", "line\nbreak"]),
    ("Nullable(String)", None),
    ("String", "tab\t, it's, back\\slash, \\N, {x:y}, ünïcode ☃"),
    ("Tuple(Int8, String)", (-1, "x")),
    ("Date", date(2024, 2, 29)),
    ("Float64", 0.1),
    ("Bool", True),
    ("Int64", -(2**62)),
]


@pytest.mark.parametrize(("kind", "value"), PARAMETERS, ids=[kind for kind, _ in PARAMETERS])
def test_server_side_parameters_arrive_as_they_were_sent(
    client: Client, kind: str, value: object
) -> None:
    """A bound value comes back equal, whatever its type and whatever characters it holds."""
    zoned = connect(f"{client.url}/default", tz_mode="aware")
    got = zoned.query(f"SELECT {{v:{kind}}}", parameters={"v": value}).first_row[0]
    assert got == value
    zoned.close()


def test_inserts_in_every_way_say_how_many_rows_they_wrote(client: Client) -> None:
    """Rows, frames, Arrow and raw bytes all arrive, and written_rows is true."""
    rows = [[1, "a"], [2, "b\n\\"]]
    assert client.insert("t", rows, column_names=["a", "s"]).written_rows == 2
    frame = client.query_df("SELECT a + 10 AS a, s FROM t")
    assert client.insert_df("t", frame).written_rows == 2
    table = client.query_arrow("SELECT number + 20 AS a, '' AS s FROM numbers(2)", use_strings=True)
    assert client.insert_arrow("t", table).written_rows == 2
    assert client.raw_insert("t", ["a", "s"], b"31,x\n32,y\n", fmt="CSV").written_rows == 2
    assert client.query("SELECT a, s FROM t ORDER BY a LIMIT 2").result_rows == [
        (1, "a"),
        (2, "b\n\\"),
    ]
    assert client.command("SELECT count() FROM t") == 8


def test_inserts_over_plain_http_take_all_their_forms(client: Client, url: str) -> None:
    """SQL and data may come in the URL, in the body, or one in each; a query too."""
    base, name = url.rsplit("/", 1)
    at = f"{base}/?database={name}&query="
    assert ask(at + quote("INSERT INTO t FORMAT TSV"), b"1\tx\n2\ty\n")[0] == 200
    assert ask(at + quote("INSERT INTO t"), b"(3, 'v;')")[0] == 200
    assert ask(at + quote("INSERT INTO t VALUES (4, now()::String)"), b"")[0] == 200
    assert ask(f"{at}&param_n=5", b"INSERT INTO t VALUES ({n:UInt64} + 1, '')")[0] == 200
    assert ask(at, b'INSERT INTO t FORMAT JSONEachRow {"a": 7} {"a": 8}')[0] == 200
    status, _, headers = ask(at, b"INSERT INTO t SELECT number + 10, '' FROM numbers(3)")
    assert (status, json.loads(headers["x-clickhouse-summary"])["written_rows"]) == (200, "3")
    assert ask(at + quote("SELECT groupArray(a) FROM"), b"(SELECT a FROM t ORDER BY a)")[1] == (
        b"[1,2,3,4,6,7,8,10,11,12]\n"
    )


@pytest.mark.parametrize("compression", ["gzip", "lz4", "zstd"])
def test_compression_works_in_both_directions(client: Client, url: str, compression: str) -> None:
    """Inserts and answers may be compressed, and say so."""
    packed = connect(url, compress=compression)
    rows = [[number, "x" * 50] for number in range(5000)]
    assert packed.insert("t", rows, column_names=["a", "s"]).written_rows == 5000
    assert packed.query("SELECT * FROM t ORDER BY a").result_rows[4999] == (4999, "x" * 50)
    asked = f"{client.url}/?enable_http_compression=1&query=SELECT+1"
    assert ask(asked, Accept_Encoding=compression)[2]["content-encoding"] == compression
    packed.close()


def test_statements_about_the_schema_work(client: Client) -> None:
    """CREATE, SHOW, EXISTS, DESCRIBE, EXPLAIN, ALTER, DROP."""
    assert client.command("SHOW TABLES") == "t"
    assert client.command("EXISTS TABLE t") == 1
    assert "MergeTree" in client.command("SHOW CREATE TABLE t")
    assert [row[:2] for row in client.query("DESCRIBE TABLE t").result_rows] == [
        ("a", "UInt64"),
        ("s", "String"),
    ]
    assert client.query("EXPLAIN SELECT 1").result_rows
    client.command("ALTER TABLE t ADD COLUMN n Nullable(Int8)")
    client.command("DROP TABLE t")
    assert client.command("EXISTS TABLE t") == 0


@pytest.mark.parametrize(
    ("sql", "code", "name", "status"),
    [
        ("SELECT * FROM nowhere", 60, "UNKNOWN_TABLE", 404),
        ("SELEC 1", 62, "SYNTAX_ERROR", 400),
        ("foo", 62, "SYNTAX_ERROR", 400),
        ("SELECT nope", 47, "UNKNOWN_IDENTIFIER", 404),
        ("SELECT 1 SETTINGS nope = 1", 115, "UNKNOWN_SETTING", 404),
        ("SELECT toUInt8('x')", 6, "CANNOT_PARSE_TEXT", 400),
        ("SELECT throwIf(1)", 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO", 500),
        ("INSERT INTO nowhere VALUES (1)", 60, "UNKNOWN_TABLE", 404),
        ("INSERT INTO t (zzz) VALUES (1)", 16, "NO_SUCH_COLUMN_IN_TABLE", 500),
        ("INSERT INTO t FORMAT Nope 1", 73, "UNKNOWN_FORMAT", 404),
        ("SELECT 1; SELECT 2", 62, "SYNTAX_ERROR", 400),
    ],
)
def test_errors_are_typed(
    client: Client, url: str, sql: str, code: int, name: str, status: int
) -> None:
    """Code, name and HTTP status are those of a server, and the client's exception carries them."""
    base, database = url.rsplit("/", 1)
    answer, body, headers = ask(f"{base}/?database={database}", sql.encode())
    assert (answer, headers["x-clickhouse-exception-code"]) == (status, str(code))
    assert body.startswith(f"Code: {code}. DB::Exception: ".encode())
    assert name.encode() in body
    with pytest.raises(DatabaseError) as raised:
        client.command(sql)
    assert (raised.value.code, raised.value.name) == (code, name)


def test_an_unknown_database_or_setting_is_an_error_of_the_request(url: str) -> None:
    """A wrong database and a wrong URL setting fail as on a server."""
    with pytest.raises(DatabaseError) as raised:
        connect(f"{url}_not")
    assert raised.value.code == 81
    status, body, _ = ask(f"{url.rsplit('/', 1)[0]}/?query=SELECT+1&no_such_setting=1")
    assert (status, body[:10]) == (404, b"Code: 115.")


def test_get_only_reads(client: Client, url: str) -> None:
    """INSERT and DDL by GET are refused with READONLY, whatever `readonly` says."""
    base, database = url.rsplit("/", 1)
    for sql in (
        "INSERT INTO t VALUES (1, '')",
        "DROP TABLE t",
        "CREATE TABLE u (a Int8) ENGINE = Memory",
    ):
        status, body, _ = ask(f"{base}/?database={database}&readonly=0&query={quote(sql)}")
        assert (status, body[:10]) == (500, b"Code: 164.")
    assert client.command("SELECT count() FROM t") == 0


def test_nothing_of_a_request_reaches_the_next(client: Client, url: str) -> None:
    """Settings, USE, SET, temporary tables and parameters end with their request."""
    base, database = url.rsplit("/", 1)
    at = f"{base}/?database={database}"
    assert client.query(
        "SELECT getSetting('max_threads')", settings={"max_threads": 3}
    ).first_row == (3,)
    for sql in (
        b"USE system",
        b"SET max_threads = 7",
        b"CREATE TEMPORARY TABLE x (a Int8)",
        b"SET param_p = 1",
    ):
        assert ask(at, sql)[0] == 200
    seen = client.query("SELECT getSetting('max_threads') IN (3, 7), currentDatabase()").first_row
    assert seen == (0, database)
    assert ask(base + "/", b"SELECT currentDatabase()")[1] == b"default\n"
    assert ask(at, b"SELECT * FROM x")[0] == 404
    assert b"Code: 456" in ask(at, b"SELECT {p:Int8}")[1]


def test_errors_do_not_poison_what_follows(client: Client) -> None:
    """After a hundred failures of all kinds the same client still reads and writes."""
    for _ in range(25):
        for sql in (
            "SELECT nope",
            "SELEC",
            "SELECT throwIf(number = 3) FROM numbers(9)",
            "INSERT INTO t FORMAT TSV x",
        ):
            with pytest.raises(DatabaseError):
                client.command(sql)
    assert client.insert("t", [[1, "a"]], column_names=["a", "s"]).written_rows == 1
    assert client.command("SELECT count() FROM t") == 1


def test_concurrent_clients_keep_their_own_settings_and_databases(url: str) -> None:
    """Eight clients at once never see each other's settings or database."""
    base, database = url.rsplit("/", 1)
    wrong: list[object] = []

    def work(number: int) -> None:
        name = database if number % 2 else "default"
        own = connect(f"{base}/{name}")
        for _ in range(20):
            sql = "SELECT getSetting('max_threads'), currentDatabase()"
            got = own.query(sql, settings={"max_threads": number + 1}).first_row
            if got != (number + 1, name):
                wrong.append(got)
        own.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_broken_body_inserts_nothing(client: Client, url: str) -> None:
    """Rows before the mistake are not kept: an insert of one block is all or nothing."""
    base, database = url.rsplit("/", 1)
    at = f"{base}/?database={database}&query={quote('INSERT INTO t FORMAT TSV')}"
    status, body, _ = ask(at, b"1\ta\n" * 1000 + b"x\ty\n")
    assert (status, body[:9]) == (400, b"Code: 27.")
    native = client.raw_query("SELECT 1::UInt64 AS a, 'x' AS s", fmt="Native")
    at = f"{base}/?database={database}&query={quote('INSERT INTO t FORMAT Native')}"
    for broken in (
        native[:-1],
        native * 3 + native[:-1],
        native.replace(b"UInt64", b"UIntXX"),
        b"\xff" * 300,
    ):
        assert ask(at, broken)[0] >= 400
    assert ask(at, native, Content_Encoding="gzip")[1].startswith(b"Code: 271.")
    assert ask(at, native, Content_Encoding="nope")[1].startswith(b"Code: 89.")
    assert client.command("SELECT count() FROM t") == 0


def test_an_upload_that_breaks_off_inserts_nothing(client: Client, url: str) -> None:
    """A client that dies in the middle of its body leaves no rows, and the store as it was."""
    parts = urlsplit(url)
    at = f"/?database={parts.path[1:]}&query={quote('INSERT INTO t FORMAT TSV')}"
    for head in (
        b"Content-Length: 100000\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\n1\ta\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", parts.port or 0)) as dying:
            dying.sendall(b"POST %b HTTP/1.1\r\nHost: localhost\r\n%b1\ta\n" % (at.encode(), head))
    time.sleep(0.2)
    assert client.command("SELECT count() FROM t") == 0


def test_a_deduplication_token_holds_into_materialised_views(client: Client) -> None:
    """A repeated insert with the same token adds nothing, to the table or to its view's target."""
    client.command(
        "CREATE TABLE sums (a UInt64, n UInt64) ENGINE = SummingMergeTree ORDER BY a"
        " SETTINGS non_replicated_deduplication_window = 100"
    )
    client.command("CREATE MATERIALIZED VIEW v TO sums AS SELECT a, count() AS n FROM t GROUP BY a")
    for token in ("one", "one", "two", "one", "two"):
        settings = {
            "insert_deduplication_token": token,
            "deduplicate_blocks_in_dependent_materialized_views": 1,
        }
        client.insert("t", [[1, "same"], [1, "same"]], column_names=["a", "s"], settings=settings)
    assert client.query("SELECT (SELECT count() FROM t), (SELECT sum(n) FROM sums)").first_row == (
        4,
        4,
    )


def test_asynchronous_inserts_are_stored_before_they_are_acknowledged(client: Client) -> None:
    """`async_insert` without waiting, as exporters send it, still means stored."""
    settings = {"async_insert": 1, "wait_for_async_insert": 0}
    for number in range(5):
        client.insert("t", [[number, ""]], column_names=["a", "s"], settings=settings)
        assert client.command("SELECT count() FROM t") == number + 1


def test_an_error_in_mid_stream_reaches_the_client(client: Client) -> None:
    """Neither a block stream nor a raw stream ends as if it were whole."""
    sql = "SELECT number, throwIf(number = 3000000) FROM numbers(10000000)"
    with (
        pytest.raises(StreamFailureError, match="395"),
        client.query_row_block_stream(sql) as blocks,
    ):
        for _ in blocks:
            pass
    with client.raw_stream(sql, fmt="TSV") as raw, pytest.raises(Exception, match="IncompleteRead"):
        raw.read()


def test_frames_arrow_and_formats_stream_without_repeating_their_heads(client: Client) -> None:
    """A result of many blocks is one document in every format that streams."""
    sql = "SELECT number AS n, toString(number) AS s FROM numbers(300000)"
    with client.query_df_stream(sql) as frames:
        assert sum(len(frame) for frame in frames) == 300_000
    with client.query_arrow_stream(sql) as tables:
        assert sum(table.num_rows for table in tables) == 300_000
    lines = client.raw_query(sql, fmt="TSVWithNamesAndTypes").splitlines()
    assert (lines[:2], len(lines)) == ([b"n\ts", b"UInt64\tString"], 300_002)
    assert client.raw_query("SELECT 1 AS n WHERE 0", fmt="TSVWithNames") == b"n\n"
    assert client.query_arrow("SELECT 1 AS n WHERE 0").num_rows == 0
    assert json.loads(client.raw_query(sql, fmt="JSONCompact"))["rows"] == 300_000


def test_tables_and_long_parameters_travel_with_a_query(client: Client, url: str) -> None:
    """External data and form-encoded parameters work."""
    data = ExternalData(
        file_name="ext", fmt="CSV", structure="a UInt8, b String", data=b"1,x\n2,y\n"
    )
    assert client.query("SELECT b FROM ext ORDER BY a", external_data=data).result_rows == [
        ("x",),
        ("y",),
    ]
    many = ["value" * 10] * 20_000
    assert client.query("SELECT length({a:Array(String)})", parameters={"a": many}).first_row == (
        20_000,
    )
    forms = connect(url, form_encode_query_params=True)
    assert forms.query("SELECT {a:String}", parameters={"a": "x'\t\\ü"}).first_row == ("x'\t\\ü",)
    forms.close()


def test_a_query_whose_client_left_is_cancelled(client: Client, store_server: str) -> None:
    """A long SELECT stops soon after its connection is closed."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(store_server).port)
    sql = "SELECT sum(sleepEachRow(0.1)) FROM numbers(600) SETTINGS max_block_size = 1"
    connection.request("POST", "/?function_sleep_max_microseconds_per_block=0", sql)
    running = "SELECT countIf(query LIKE 'SELECT sum(sleepEachRow%') FROM system.processes"
    wait_until(lambda: client.command(running) == 1)
    connection.close()
    wait_until(lambda: client.command(running) == 0)


def wait_until(holds: Any, timeout_s: float = 5) -> None:
    """Poll until `holds()`; fails when the time is up."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def test_web_pages_and_other_names_are_refused(store_server: str) -> None:
    """A page in a browser, or a name made to point at loopback, gets no data."""
    at = f"{store_server}/?query=SELECT+1"
    for headers in (
        {"Sec_Fetch_Site": "cross-site"},
        {"Host": "evil.example"},
        {"Host": "[broken"},
    ):
        status, body, _ = ask(at, **headers)
        assert (status, body[:10]) == (403, b"Code: 497.")
    assert ask(at, Host="localhost:1", Sec_Fetch_Site="none")[0] == 200


def test_any_credentials_are_taken(store_server: str) -> None:
    """Clients that insist on a user and a password may send them."""
    headers = {"Authorization": "Basic YTpi", "X_ClickHouse_User": "a", "X_ClickHouse_Key": "b"}
    assert ask(f"{store_server}/?query=SELECT+1&user=a&password=b", **headers)[1] == b"1\n"


def test_database_and_format_may_come_in_headers(store_server: str) -> None:
    """X-ClickHouse-Database and X-ClickHouse-Format count where the URL says nothing."""
    headers = {"X_ClickHouse_Database": "system", "X_ClickHouse_Format": "JSONEachRow"}
    _, body, _ = ask(f"{store_server}/?query={quote('SELECT currentDatabase() AS d')}", **headers)
    assert json.loads(body) == {"d": "system"}
