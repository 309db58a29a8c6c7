"""The servers side by side: how each is started, where it takes OTLP, how it is asked for its count."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil

__all__ = ["SERVERS", "MLflow", "Outerloop", "Phoenix", "Server", "fetch"]


def fetch(url: str, body: object = None, *, timeout_s: float = 300) -> bytes:
    """GET, or POST of bytes, text or JSON."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:
        return bytes(answer.read())


def free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One server on a fresh directory, at its defaults.

    Args:
        folder: for its data; emptied first.
        venvs: where the peers' environments live; made on first use.
    """

    name = ""
    requirement = ""
    path = "/v1/traces"
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed

    def __init__(self, folder: Path, venvs: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder, self.venv = folder, venvs / self.name
        self.port = free_port()
        self.processes: list[psutil.Process] = []

    def commands(self) -> list[list[str]]:
        """What to run."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """What to set."""
        return {}

    def ready_url(self) -> str:
        """Answers 200 when spans can be stored."""
        raise NotImplementedError

    def count(self) -> int:
        """Spans that a query finds now, by the public interface."""
        raise NotImplementedError

    def install(self) -> None:
        """Make the peer's own environment, once."""
        if self.requirement and not (self.venv / "installed").exists():
            subprocess.run([sys.executable, "-m", "venv", self.venv], check=True)
            pip = [self.venv / "bin" / "python", "-m", "pip", "install", "--quiet"]
            subprocess.run([*pip, self.requirement], check=True)
            subprocess.run(
                [self.venv / "bin" / "python", "-m", "compileall", "-q", self.venv], check=False
            )
            (self.venv / "installed").touch()

    def start(self) -> float:
        """Start it; returns the seconds until it is ready."""
        began = time.perf_counter()
        log = (self.folder.parent / f"{self.name}.log").open("ab")
        environment = {**os.environ, **self.environment()}
        for command in self.commands():
            process = subprocess.Popen(
                command,
                env=environment,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )
            self.processes.append(psutil.Process(process.pid))
        while time.perf_counter() - began < 180 and all(_runs(p) for p in self.processes):
            try:
                fetch(self.ready_url(), timeout_s=5)
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
            else:
                return time.perf_counter() - began
        told = Path(log.name).read_text("utf-8", "replace")[-2000:]
        raise TimeoutError(f"{self.name} is not ready; it said:\n{told}")

    def stop(self) -> None:
        """End it and everything it started."""
        tree = self.tree()
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(40)
            except psutil.TimeoutExpired:
                process.kill()
        for process in psutil.wait_procs(tree, 5)[1]:
            process.kill()
        self.processes = []

    def tree(self) -> list[psutil.Process]:
        """Its processes."""
        found = []
        for process in self.processes:
            try:
                found += [process, *process.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
        return found

    def bytes_on_disk(self) -> int:
        """What its data take when nothing is left to tidy up."""
        return sum(f.stat().st_size for f in self.folder.rglob("*") if f.is_file())


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


class Outerloop(Server):
    """Store and collector, everything on: log with fsync, deduplication, views, ledger."""

    name = "outerloop"

    def __init__(self, folder: Path, venvs: Path) -> None:
        super().__init__(folder, venvs)
        self.store = f"http://127.0.0.1:{free_port()}"
        self._grpc = free_port()

    def commands(self) -> list[list[str]]:
        return [
            [sys.executable, "-m", "collector.embedded_store"],
            [sys.executable, "-m", "collector"],
        ]

    def environment(self) -> dict[str, str]:
        return {
            "OUTERLOOP_DATA_DIR": str(self.folder), "OUTERLOOP_OTLP_HTTP_PORT": str(self.port),
            "OUTERLOOP_OTLP_GRPC_PORT": str(self._grpc), "OUTERLOOP_STORE_PORT": self.store.rpartition(":")[2],
        }  # fmt: skip

    def ready_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/readyz"

    def query(self, sql: str) -> bytes:
        """Ask the store."""
        return fetch(f"{self.store}/?database=outerloop", sql.encode())

    def count(self) -> int:
        """Spans that have reached the normalised tables."""
        return int(self.query("SELECT (SELECT count() FROM calls) + (SELECT count() FROM steps)"))

    def bytes_on_disk(self) -> int:
        sql = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'outerloop'"
        while int(self.query("SELECT count() FROM system.merges")):
            time.sleep(0.2)
        return int(self.query(sql))


class Phoenix(Server):
    """Arize Phoenix on SQLite."""

    name = "phoenix"
    requirement = "arize-phoenix==20.26.1"
    _project = ""

    def commands(self) -> list[list[str]]:
        return [[str(self.venv / "bin" / "phoenix"), "serve"]]

    def environment(self) -> dict[str, str]:
        return {
            "PHOENIX_WORKING_DIR": str(self.folder), "PHOENIX_HOST": "127.0.0.1", "PHOENIX_PORT": str(self.port),
            "PHOENIX_GRPC_PORT": str(free_port()), "PHOENIX_TELEMETRY_ENABLED": "false",
            "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
        }  # fmt: skip

    def ready_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/healthz"

    def count(self) -> int:
        if not self._project:
            edges = self._ask("{projects{edges{node{id name}}}}")["projects"]["edges"]
            self._project = next(
                (e["node"]["id"] for e in edges if e["node"]["name"] == "default"), ""
            )
        if not self._project:
            return 0
        query = "query($id:ID!){node(id:$id){... on Project{recordCount}}}"
        return int(self._ask(query, id=self._project)["node"]["recordCount"])

    def _ask(self, query: str, **variables: str) -> Any:
        answer = fetch(
            f"http://127.0.0.1:{self.port}/graphql", {"query": query, "variables": variables}
        )
        return json.loads(answer)["data"]


class MLflow(Server):
    """MLflow on SQLite with its four workers."""

    name = "mlflow"
    requirement = "mlflow==3.17.2"
    headers = {"x-mlflow-experiment-id": "0"}  # noqa: RUF012 - never changed

    def commands(self) -> list[list[str]]:
        return [[
            str(self.venv / "bin" / "mlflow"), "server", "--backend-store-uri", f"sqlite:///{self.folder}/m.db",
            "--default-artifact-root", str(self.folder / "artifacts"), "--host", "127.0.0.1", "--port", str(self.port),
        ]]  # fmt: skip

    def environment(self) -> dict[str, str]:
        return {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}

    def ready_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/health"

    def count(self) -> int:
        asked = {
            "experiment_ids": ["0"], "view_type": "SPANS", "metric_name": "span_count",
            "aggregations": [{"aggregation_type": "COUNT"}], "max_results": 10,
        }  # fmt: skip
        url = f"http://127.0.0.1:{self.port}/api/3.0/mlflow/traces/metrics"
        points = json.loads(fetch(url, asked)).get("data_points") or []
        return int(points[0]["values"]["COUNT"]) if points else 0


SERVERS: dict[str, type[Server]] = {c.name: c for c in (Outerloop, Phoenix, MLflow)}
