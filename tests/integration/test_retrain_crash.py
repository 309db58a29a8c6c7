"""The sidecar killed at every step of a retrain: it goes on where it was, does nothing twice, and hides nothing.

A child process runs real jobs against a store front that kills it (SIGKILL) at a chosen write: just before the row
reaches the store, or just after it did and before the child hears so. Then the same jobs run undisturbed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
from conftest import free_port
from retrain_seed import (
    BY,
    CANDIDATE,
    NOW,
    SECRET,
    compared,
    desk,
    event,
    opened,
    put,
    receiving,
    requested,
    sidecar,
)
from simulated_extractor import Weights
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.demo.mortgage import calls
from monitor.jobs import deliver
from monitor.jobs import retrain as retrain_job
from monitor.jobs.job import Window
from monitor.retrain.http import routes
from monitor.retrain.lifecycle import approve, propose
from monitor.retrain.pointer import read_pointer
from monitor.retrain.promotion import promote
from monitor.retrain.state import EVENTS, append, retrain
from monitor.settings import Settings
from monitor.standins.loopback import LoopbackServer
from monitor.store import Store

pytestmark = pytest.mark.integration
HOUR = timedelta(hours=1)
CLEAN = multiprocessing.get_context("forkserver")
CLEAN.set_forkserver_preload(
    [
        "monitor.demo.mortgage",
        "monitor.jobs.deliver",
        "monitor.jobs.retrain",
        "monitor.retrain.http",
        "monitor.standins.loopback",
        "pytest",
    ]
)  # what this file imports, once instead of in each of many children
BASE = Weights("extractor-2023-11", 2023, 0.4, 0.01, 7, "calls of 2023")


@dataclass
class Front:
    """The store, for one child, which does not survive write number `fatal`."""

    target: str
    fatal: int
    after: bool
    """The write is stored before the child dies."""
    child: int = 0
    writes: list[str] = field(default_factory=list)

    async def serve(self, request: Request) -> Response:
        """Pass a request on; kill the child at its appointed write."""
        return await run_in_threadpool(self._pass, request.method, str(request.url.query), await request.body(),
                                       request.headers)  # fmt: skip

    def _pass(self, method: str, query: str, body: bytes, headers: object) -> Response:
        text = httpx.QueryParams(query).get("query", "") + body[:200].decode("latin-1")
        writing = "insert into" in text.lower()
        doomed = writing and len(self.writes) == self.fatal
        if writing:
            self.writes.append(text.lower().partition("insert into")[2].split("(")[0].strip()[:40])
        if doomed and not self.after:
            os.kill(self.child, signal.SIGKILL)
            return Response(status_code=500)
        kept = {
            name: value
            for name, value in dict(headers).items()  # type: ignore[call-overload] # Starlette's mapping
            if name in ("authorization", "content-encoding", "content-type", "x-clickhouse-user")
        }
        answer = httpx.request(
            method, f"{self.target}?{query}", content=body, headers=kept, timeout=30
        )
        if doomed:
            os.kill(self.child, signal.SIGKILL)
        told = {
            name: value for name, value in answer.headers.items() if name.startswith("x-clickhouse")
        }
        return Response(answer.content, answer.status_code, told)


@contextmanager
def front(store_url: str, fatal: int, *, after: bool) -> Iterator[tuple[Front, str]]:
    """A store front on loopback, with the address that a child is given."""
    base, _, database = store_url.rpartition("/")
    one = Front(f"{base}/", fatal, after)
    app = Starlette(routes=[Route("/{rest:path}", one.serve, methods=["GET", "POST"])])
    with LoopbackServer(app) as server:
        yield one, f"{server.url}/{database}"


def work(settings: Settings, gate: object) -> None:
    """What a child does: a round of the jobs of the retrain loop."""
    gate.wait()  # type: ignore[attr-defined] # until the parent knows whom to kill
    round_of_jobs(settings)


def round_of_jobs(settings: Settings) -> None:
    """Both jobs once, as the scheduler runs them."""
    store, window = Store(settings.store), Window(NOW - HOUR, NOW)
    retrain_job.run(store, settings, window)
    deliver.run(store, settings, window)
    store.close()


def killed_at(settings: Settings, fatal: int, *, after: bool) -> tuple[bool, Front]:
    """Run a child against a front that kills it; whether it was killed, and what it wrote."""
    with front(settings.store, fatal, after=after) as (one, url):
        gate = CLEAN.Event()
        child = CLEAN.Process(
            target=work, args=(settings.model_copy(update={"store_url": url}), gate)
        )
        child.start()
        one.child = child.pid or 0
        gate.set()
        child.join(60)
        assert child.exitcode in (0, -signal.SIGKILL), child.exitcode
        return child.exitcode != 0, one


def turns(store: Store, retrain_id: str) -> Counter[str]:
    """How often each change of state is in its life."""
    return Counter(step.event for step in retrain(store, retrain_id).history if EVENTS[step.event])


def test_killed_between_proposal_and_delivery(store: Store, store_url: str, tmp_path: Path) -> None:
    """At every write from `proposed` on: one dataset, one `requested`, one order with one id and one body."""
    put(store, list(calls(NOW - timedelta(days=8), 8, 12, np.random.default_rng(11))), BASE)
    written: set[str] = set()
    with receiving() as (receiver, url):
        settings = sidecar(
            store_url, tmp_path, retrain_webhook_url=url, retrain_webhook_secret=SECRET
        )
        for fatal in range(40):
            receiver.taken.clear()
            one = propose(
                store,
                settings,
                opened(store, f"inc-{fatal}", "loan-extractor"),
                now=NOW,
                actor="job",
            )
            dead, seen = killed_at(settings, fatal, after=True)
            written |= {name.split(".")[-1].strip("`") for name in seen.writes}
            assert set(turns(store, one.retrain_id)) <= {"proposed", "requested"}
            round_of_jobs(settings)
            now = retrain(store, one.retrain_id)
            assert (now.state, now.delivered, now.trouble) == ("requested", True, "")
            assert turns(store, one.retrain_id) == {"proposed": 1, "requested": 1}
            orders = [each for each in receiver.taken if each[0] == one.retrain_id]
            assert len(orders) >= 1
            assert len(set(orders)) == 1
            append(store, now, "rejected", now=NOW, **BY)
            if not dead:
                break
        assert not dead
        assert {"retrains", "deliveries", "datasets"} <= written
        assert fatal >= 5


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
def test_killed_between_comparison_and_announcement(
    store: Store, store_url: str, tmp_path: Path, after: bool
) -> None:
    """At every write of an automatic approval: one approval, one promotion, the pointer right, told under one id."""
    with receiving() as (receiver, url):
        settings = sidecar(
            store_url, tmp_path, alert_webhook_url=url, alert_webhook_secret=SECRET, auto_approve=True
        )  # fmt: skip
        for fatal in range(40):
            receiver.taken.clear()
            service = f"svc-{fatal}"
            one = compared(store, settings, f"inc-{fatal}", service)
            dead, _ = killed_at(settings, fatal, after=after)
            for _ in range(2):
                round_of_jobs(settings)
            life = turns(store, one.retrain_id)
            assert (life["approved"], life["promoted"]) == (1, 1)
            pointer = read_pointer(settings.data_dir, service)
            assert pointer is not None
            assert (pointer.release, pointer.retrain_id) == (f"r2-inc-{fatal}", one.retrain_id)
            assert pointer.previous is not None
            assert pointer.previous.release == "r1"
            orders = {each for each in receiver.taken if each[0].startswith(one.retrain_id)}
            assert len(orders) == 1
            assert retrain(store, one.retrain_id).approval.actor == "auto_approve"  # type: ignore[union-attr] # asserted above
            if not dead:
                break
        assert not dead
        assert fatal >= 5


def test_killed_while_the_job_is_told(store: Store, store_url: str, tmp_path: Path) -> None:
    """The receiver has the order and the sidecar dies before it hears so: told again, under the same id."""
    with receiving() as (receiver, url):
        settings = sidecar(
            store_url, tmp_path, retrain_webhook_url=url, retrain_webhook_secret=SECRET
        )
        one, _ = requested(store, settings)
        gate = CLEAN.Event()
        child = CLEAN.Process(target=work, args=(settings, gate))
        child.start()
        receiver.kills = [child.pid or 0]
        gate.set()
        child.join(60)
        assert child.exitcode == -signal.SIGKILL
        assert not retrain(store, one.retrain_id).delivered
        round_of_jobs(settings)
        assert retrain(store, one.retrain_id).delivered
        assert len(receiver.taken) == 2
        assert len(set(receiver.taken)) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
def test_the_desk_killed_while_it_keeps_a_report(
    store: Store, store_url: str, tmp_path: Path, after: bool
) -> None:
    """A report whose answer was lost is told again to the next desk and is recorded once."""
    settings = sidecar(store_url, tmp_path)
    one, token = requested(store, settings)
    address = f"/v1/retrains/{one.retrain_id}/events"
    mine = {"authorization": f"Bearer {token}"}
    body = event("finished", "last-word", **CANDIDATE)
    with front(settings.store, 0, after=after) as (killer, url):
        port = free_port()
        gate = CLEAN.Event()
        child = CLEAN.Process(
            target=serve_desk, args=(settings.model_copy(update={"store_url": url}), port, gate)
        )
        child.start()
        killer.child = child.pid or 0
        assert gate.wait(60)
        with pytest.raises(httpx.HTTPError):
            httpx.post(f"http://127.0.0.1:{port}{address}", json=body, headers=mine, timeout=30)
        child.join(60)
        assert child.exitcode == -signal.SIGKILL
    with desk(settings) as base:
        answer = httpx.post(f"{base}{address}", json=body, headers=mine)
        assert (answer.status_code, answer.json()["state"]) == (200, "finished")
    assert turns(store, one.retrain_id)["finished"] == 1


def serve_desk(settings: Settings, port: int, gate: object) -> None:
    """A child that is the callback desk until it is killed."""
    with LoopbackServer(Starlette(routes=routes(settings)), port=port):
        gate.set()  # type: ignore[attr-defined] # it listens
        signal.pause()


def test_a_promotion_whose_pointer_was_not_written_is_completed(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    """The decision is in the store and the file is not, as after a kill between the two: the next minute writes it."""
    settings = sidecar(store_url, tmp_path)
    one = compared(store, settings)
    approve(store, one.retrain_id, now=NOW, **BY)
    promote(store, settings, one.retrain_id, now=NOW, **BY)
    path = settings.data_dir / "releases" / "svc.json"
    words = path.read_bytes()
    path.unlink()
    deliver.run(store, settings, Window(NOW, NOW))
    assert path.read_bytes() == words


def test_a_second_process_proposes_the_same_retrain_once(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    """Jobs of two schedulers that see the same incident at one moment make one retrain."""
    settings = sidecar(store_url, tmp_path)
    one = opened(store)
    with ThreadPoolExecutor(6) as pool:
        made = list(
            pool.map(
                lambda _: propose(Store(store_url), settings, one, now=NOW, actor="job"), range(6)
            )
        )
    assert len({each.retrain_id for each in made}) == 1
    assert turns(store, made[0].retrain_id) == {"proposed": 1}
