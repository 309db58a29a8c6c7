"""Whom we compare with: their packages, their import lines, and an environment of its own for each."""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["APPS", "OTEL", "OURS", "PEERS", "ROOT", "Peer", "install"]

OURS, OTEL = "outerloop", "otel"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Peer:
    """One SDK, installed by itself."""

    name: str
    requirements: tuple[str, ...]
    imports: str
    """What an app writes at its top; its time is the time to import."""
    title: str
    ours: bool = False
    """Runs this tree's SDK, beside these requirements."""

    def python(self, venvs: Path) -> Path:
        """The interpreter that has it."""
        return venvs / self.name / "bin" / "python"

    def environ(self, venvs: Path) -> dict[str, str]:
        """The environment variables of its processes; ours finds this tree's SDK there."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "OUTERLOOP_"))}
        kept["PYTHONPATH"] = str(venvs / self.name / "tree") if self.ours else ""
        return kept


PEERS = {
    peer.name: peer
    for peer in (
        Peer(OURS, (), "import monitor; monitor.init; monitor.observe", "Outerloop", ours=True),
        Peer(
            OTEL,
            ("opentelemetry-sdk==1.45.2", "opentelemetry-exporter-otlp-proto-http==1.45.2"),
            "from opentelemetry.sdk.trace import TracerProvider\n"
            "from opentelemetry.sdk.trace.export import BatchSpanProcessor\n"
            "from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter",
            "bare OpenTelemetry SDK",
        ),
        Peer("langfuse", ("langfuse==5.0.4",), "from langfuse import observe", "Langfuse @observe"),
        Peer("opik", ("opik==2.2.122",), "import opik; opik.track", "Opik @track"),
        Peer(
            "mlflow",
            # without the exporter it drops what it traces, and says so only in its log
            ("mlflow-tracing==3.17.2", "opentelemetry-exporter-otlp-proto-http==1.45.2"),
            "import mlflow; mlflow.trace",
            "MLflow trace",
        ),
        Peer(
            "traceloop",
            (
                "traceloop-sdk==0.62.4",
                "opentelemetry-sdk==1.45.1",
                "httpx",
            ),  # it imports httpx and does not ask for it
            "from traceloop.sdk import Traceloop\nfrom traceloop.sdk.decorators import task",
            "Traceloop @task",
        ),
        Peer(
            "phoenix",
            ("arize-phoenix-otel==0.17.2",),
            "from phoenix.otel import register",
            "OpenInference/Phoenix chain",
        ),
        Peer("logfire", ("logfire==5.2.0",), "import logfire", "Logfire instrument"),
        Peer(
            "openlit",
            ("openlit==1.45.0", "opentelemetry-sdk==1.45.1"),
            "import openlit",
            "OpenLIT trace",
        ),
        Peer("weave", ("weave==0.54.0",), "import weave; weave.op", "Weave op"),
        Peer(
            "langsmith",
            ("langsmith==0.14.17",),
            "from langsmith import traceable",
            "LangSmith @traceable",
        ),
    )
}

APPS = Peer(
    "outerloop-apps",
    (
        "fastapi==0.165.0",
        "uvicorn==0.54.0",
        "openai==3.52.0",
        "celery==5.7.0",
        "ipykernel==7.4.0",
        "jupyter_client==8.10.0",
    ),
    "",
    "Outerloop in an app",
    ours=True,
)
"""Ours beside what an app is made of."""


def install(peer: Peer, venvs: Path) -> str | None:
    """Make the peer's environment where there is none yet; returns why that was impossible."""
    home = venvs / peer.name
    wanted = [*(_ours() if peer.ours else ()), *peer.requirements]
    note = home / "installed"
    if not note.exists() or note.read_text() != "\n".join(wanted):
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        pip: list[str | Path] = [peer.python(venvs), "-m", "pip", "install", "--quiet"]
        subprocess.run(
            [*pip, "--upgrade", "pip"], check=False, capture_output=True
        )  # resolves more
        done = subprocess.run([*pip, *wanted], check=False, capture_output=True, text=True)
        if done.returncode:
            return str((done.stderr.strip().splitlines() or ["pip failed without a word"])[-1])
        compileall.compile_dir(home / "lib", quiet=2, workers=1)
        note.write_text("\n".join(wanted))
    if peer.ours:
        _copy_tree(home / "tree")
    return None


def _ours() -> list[str]:
    """What our own package asks for, at the tested versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    tested = dict(
        line.split("==", 1)
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line and not line.startswith("#")
    )
    names = [requirement.split(">=")[0] for requirement in project["dependencies"]]
    return [f"{name}=={tested[name]}" for name in names]


def _copy_tree(target: Path) -> None:
    """The SDK as it stands now, so that an edit made during the run changes nothing."""
    shutil.rmtree(target, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "monitor", target / "monitor", ignore=ignored)
    compileall.compile_dir(target, quiet=2, workers=1)
