"""The embedded store: the ClickHouse engine (chDB) in a process, behind ClickHouse's HTTP protocol.

`python -m collector.embedded_store` opens `<data_dir>/store` and answers on 127.0.0.1, so that
every other process is the same code against a laptop and against a cluster. A stock
clickhouse-connect client cannot tell it from a server for queries, parameters, settings, inserts,
streams, external tables and typed errors.

What holds here:

* 200 to an insert means its rows survive a `kill -9` of this process. As with a server at its
  defaults they are in the page cache, not forced to disk: a power cut can take the last seconds.
* Inserts are synchronous: `async_insert` and `wait_for_async_insert` are taken and have no say.
* A body that breaks off inserts nothing; nor does one that does not parse, as long as it holds no
  more than `min_insert_block_size_rows` rows (about a million).
* Each request is a session of its own: settings, database, temporary tables never reach the next.
* Large results stream in flat memory in Native, RowBinary, ArrowStream and the line formats; JSON,
  Parquet, Arrow and the rest are made whole in memory first.
* A SELECT whose client leaves is cancelled; inserts and DDL run on.
* Reading queries are bounded in number, memory, threads, time and size (`limits`); inserts never
  wait for them. ClickHouse's block compression (`compress=1`, `decompress=1`) is there.
* SQL stays in the store (`guard`): no files, URLs, other machines or programs. A backup is
  `BACKUP DATABASE … TO File('name')`, into `<data_dir>/backups`.

What of ClickHouse's protocol is not there:

* users, passwords, roles, quotas, TLS, any address but loopback: credentials are taken and
  ignored; requests that a web page makes, or that name another host, are refused;
* sessions over several requests: `session_id` is taken, but `SET` and temporary tables end with
  their request;
* `X-ClickHouse-Progress` headers, and newer revisions of Native (`client_protocol_version`);
* `INSERT … SELECT FROM input()`, several statements in a request, `INTO OUTFILE`: refused;
* `query_id` and `log_comment` inside the engine: the id is echoed, the comment serves to cancel
  queries; hence no `system.query_log`;
* the native TCP protocol, and those of MySQL and PostgreSQL;
* isolation from a crash: the engine lives in this process, and what brings it down ends the store
  until it is started again.
"""

from __future__ import annotations
