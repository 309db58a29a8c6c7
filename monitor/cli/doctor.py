"""`outerloop doctor`: what is wrong here, and how to mend it."""

from __future__ import annotations

import shutil
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click
from clickhouse_connect.driver.exceptions import ClickHouseError

from monitor.cli.root import cli, document, json_option
from monitor.exceptions import OuterloopError
from monitor.settings import load_settings
from monitor.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.settings import Settings

LOW_DISK_BYTES = 2 * 1024**3
LIBRARIES = (
    "chdb",
    "clickhouse-connect",
    "opentelemetry-api",
    "openai",
    "slack-sdk",
    "streamlit",
    "apscheduler",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    told: str
    """What was found; where it is not right, what to do."""


@cli.command(epilog="Example: outerloop doctor --json")
@json_option
def doctor(as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Look at settings, connections, versions, the ledger's balance and the disk; exits 1 when one is wrong."""
    settings = load_settings()
    found = [
        *_configuration(settings),
        *_store(settings),
        *_collector(settings),
        *_disk(settings),
        *_versions(),
    ]
    if as_json:
        document(found)
    else:
        for one in found:
            mark = click.style("ok ", fg="green") if one.ok else click.style("bad", fg="red")
            click.echo(f"{mark}  {one.what:<12} {one.told}")
    sys.exit(0 if all(one.ok for one in found) else 1)


def _configuration(settings: Settings) -> Iterator[Finding]:
    yield Finding(
        "settings",
        ok=True,
        told=f"data in {settings.data_dir}, store {'embedded' if settings.store_url is None else 'by URL'}",
    )
    if settings.slack_token and not settings.slack_channel:
        yield Finding(
            "slack",
            ok=False,
            told="there is a token and no channel; set OUTERLOOP_SLACK_CHANNEL=#llm-alerts",
        )
    if settings.retrain_webhook_url and not settings.retrain_webhook_secret:
        yield Finding(
            "retrain",
            ok=False,
            told="there is a webhook and no secret; set OUTERLOOP_RETRAIN_WEBHOOK_SECRET=whsec_…",
        )
    if find_spec("sentence_transformers") is None:
        yield Finding(
            "embeddings",
            ok=True,
            told="no sentence encoder: embedding drift is off; pip install 'outerloop[embeddings]' turns it on",
        )


def _store(settings: Settings) -> Iterator[Finding]:
    store = Store(settings.store)
    try:
        calls = int(store.value("calls_counted"))
        accounts = {entry: int(count) for entry, count in store.rows("ledger_totals")}
    except (OuterloopError, ClickHouseError) as error:
        yield Finding("store", ok=False, told=str(error).splitlines()[0])
        return
    yield Finding(
        "store", ok=True, told=f"{calls:,} calls, ClickHouse {store.client.server_version}"
    )
    waiting = accounts.get("accepted", 0) - accounts.get("stored", 0) - accounts.get("refused", 0)
    told = (
        ", ".join(f"{count:,} {entry}" for entry, count in sorted(accounts.items()))
        or "nothing received yet"
    )
    yield Finding("ledger", ok=waiting >= 0, told=f"{told}; {waiting:,} waiting")


def _collector(settings: Settings) -> Iterator[Finding]:
    url = f"{settings.collector_url}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own listener
            yield Finding("collector", ok=True, told=f"ready at {settings.collector_url}")
    except urllib.error.HTTPError as error:
        yield Finding(
            "collector",
            ok=False,
            told=f"cannot store: {error.read().decode('utf-8', 'replace')[:300]}",
        )
    except OSError as error:
        yield Finding(
            "collector",
            ok=False,
            told=f"does not answer at {url} ({error}); start it with `outerloop up` or `outerloop collector`",
        )


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    yield Finding(
        "disk",
        ok=free > LOW_DISK_BYTES,
        told=f"{free / 1024**3:.1f} GiB free at {folder}"
        + ("" if free > LOW_DISK_BYTES else "; make room, or lower OUTERLOOP_RETENTION_DAYS"),
    )


def _versions() -> Iterator[Finding]:
    told = []
    for name in ("outerloop", *LIBRARIES):
        try:
            told.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            yield Finding(
                "versions", ok=False, told=f"{name} is missing; pip install 'outerloop[server]'"
            )
    yield Finding("versions", ok=True, told=", ".join(told))
