"""`outerloop erase` where ids are masked on their way in: rows under placeholders go with those under the plain id."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import free_port, start, stop
from erasure_seed import NOW, counts, log_file, raw, spans, trace_id

from collector.masking import Masking
from monitor.erasure import Subject, erase
from monitor.exceptions import ConfigurationError
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytestmark = pytest.mark.integration

ALICE, BOB = "alice@example.org", "bob@example.org"


def installation(store_url: str, tmp_path: Path, **masking: Any) -> Settings:
    """Settings of an installation whose collector does not run."""
    return load_settings(
        store_url=store_url, data_dir=tmp_path / "data", otlp_http_port=free_port(), **masking
    )


def masked(settings: Settings, value: str, **where: str) -> str:
    """What the collector makes of an id."""
    masking = Masking.from_settings(settings)
    assert masking is not None
    return masking.identity(value, **where)


def test_rows_of_every_policy_and_tenant_go_and_those_of_others_stay(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    """Plain before masking, by default, in a service with recognisers of its own, and within a tenant."""
    settings = installation(
        store_url, tmp_path, mask="on", mask_secret="s", mask_tenant_attribute="outerloop.tag.tenant",
        mask_recognisers=["email"], mask_patterns={"staff": r"^alice@"},
        mask_services={"pay": {"recognisers": ["secret"]}, "shop": {"mask": "off"}},
    )  # fmt: skip
    plain, pay = masked(settings, ALICE), masked(settings, ALICE, service="pay")
    acme = masked(settings, ALICE, tenant="acme")
    assert len({ALICE, plain, pay, acme}) == 4
    raw(store, 1, **{"user.id": ALICE})
    raw(store, 2, **{"user.id": plain, "session.id": "s-2"})
    raw(store, 3, **{"user.id": pay})
    raw(store, 4, **{"user.id": acme, "outerloop.tag.tenant": "acme"})
    raw(store, 5, **{"session.id": "s-2"})
    raw(store, 6, **{"user.id": BOB})
    raw(store, 7, **{"user.id": masked(settings, BOB)})
    raw(store, 8, **{"user.id": masked(settings, ALICE, tenant="globex")})  # no row names globex
    done = erase(store, settings, Subject("user", ALICE), now=NOW)
    assert counts(store, "calls") == {"6": 1, "7": 1, "8": 1}
    assert done.receipt.complete
    assert set(done.placeholders) >= {plain, pay, acme}
    stored = str(store.client.query("SELECT * FROM erasures").result_rows)
    assert not any(one in stored for one in (ALICE, plain, pay, acme))


def test_a_session_that_is_an_address_goes_under_its_placeholder(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    """`--session` looks for the placeholder too, also after masking was switched off again."""
    on = installation(store_url, tmp_path, mask="on")
    raw(store, 1, **{"session.id": masked(on, ALICE, key="session.id")})
    raw(store, 2, **{"session.id": ALICE})
    raw(store, 3, **{"session.id": masked(on, BOB, key="session.id")})
    off = installation(store_url, tmp_path)
    assert erase(store, off, Subject("session", ALICE), now=NOW).receipt.complete
    assert counts(store, "calls") == {"3": 1}


def test_the_log_of_a_dead_collector_loses_the_placeholder(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    """Requests in the log were masked before they got there."""
    settings = installation(store_url, tmp_path, mask="on", mask_secret="s")
    requests = [spans(1, **{"user.id": ALICE}), spans(2, **{"user.id": BOB})]
    masking = Masking.from_settings(settings)
    assert masking is not None
    for request in requests:
        masking.apply("traces", request)
    log_file(settings.data_dir / "wal", *(("traces", request) for request in requests))
    assert erase(store, settings, Subject("user", ALICE), now=NOW).receipt.rows == {"log": 1}
    left = b"".join(path.read_bytes() for path in (settings.data_dir / "wal").glob("*.wal"))
    assert masked(settings, BOB).encode() in left
    assert masked(settings, ALICE).encode() not in left


def test_without_the_key_nothing_is_erased(store: Store, store_url: str, tmp_path: Path) -> None:
    """Elsewhere than at the collector's data, masked rows would be missed in silence: it is refused."""
    raw(store, 1, **{"user.id": ALICE})
    settings = installation(store_url, tmp_path, mask="on")
    with pytest.raises(ConfigurationError, match=r"mask\.key"):
        erase(store, settings, Subject("user", ALICE), now=NOW)
    assert counts(store, "calls") == {"1": 1}


def test_the_command_erases_what_a_masking_collector_stored(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    """From the socket to one receipt: masked spans of two services, one of them with its own list."""
    port = free_port()
    environment = {
        "OUTERLOOP_STORE_URL": store_url, "OUTERLOOP_DATA_DIR": str(tmp_path / "data"),
        "OUTERLOOP_OTLP_HTTP_PORT": str(port), "OUTERLOOP_RETENTION_DAYS": "0", "OUTERLOOP_MASK": "on",
        "OUTERLOOP_MASK_SERVICES": '{"open": {"allow": "user.id"}}',
    }  # fmt: skip
    base = f"http://127.0.0.1:{port}"
    process = start("collector", ready=f"{base}/readyz", **environment)
    try:
        for number, (user, service) in enumerate(
            [(ALICE, "bank"), (ALICE, "open"), (BOB, "bank")], start=1
        ):
            request = spans(number, **{"user.id": user})
            request.resource_spans[0].resource.attributes[0].value.string_value = service
            headers = {"Content-Type": "application/x-protobuf"}
            body = request.SerializeToString()
            httpx.post(f"{base}/v1/traces", content=body, headers=headers).raise_for_status()
        done = subprocess.run(
            [sys.executable, "-m", "monitor.cli", "erase", "--user", ALICE, "--json"],
            env={**os.environ, **environment}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        assert stop(process) == 0
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["receipt"]["rows"]["calls"] == 2
    [placeholder] = told["placeholders"]
    assert placeholder.startswith("[email:")
    left = store.client.query("SELECT trace_id, user_id FROM calls").result_rows
    assert [row[0] for row in left] == [trace_id(3)]
    assert left[0][1].startswith("[email:")
    assert left[0][1] != placeholder
