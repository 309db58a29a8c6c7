"""Everything that runs beside the story: the real sidecar, and stand-ins for what is outside of it.

Store, collector, scheduler and dashboard are the product's own processes, supervised as `outerloop up` does.
Production's model and the fine-tune job are the real programs of `examples/finetune`. Slack and the judge's model are
stand-ins on loopback that speak the real protocols.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
import subprocess
import urllib.request
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from monitor.clock import CLOCK_FILE, rfc3339
from monitor.demo.app import SERVICE
from monitor.demo.mortgage import SCHEMA
from monitor.exceptions import ConfigurationError, OuterloopError
from monitor.settings import Settings, load_settings
from monitor.standins.slack import SlackStandin
from monitor.store import migrate
from monitor.supervisor import Part, Supervisor, sidecar

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = ["Sidecar"]

RELEASE = "extractor-2023-11"
MODEL = Path(__file__).parent / "model"
"""The production model, a Hugging Face folder; `monitor.demo.pretraining` says how it was made."""
NEEDED = ("torch", "transformers", "peft")
ONE_CORE = ("--threads", "1")
"""More threads cost so small a model more than they bring."""
TRAINING = ("--method", "full", "--epochs", "10", "--learning-rate", "5e-4")
JUDGE = f"""\
kind = "question"
question = "Is the due date right for this call, its year included? \
The next payment is due within a month after the call date."
services = ["{SERVICE}"]
share = 0.15
labels = ["servicing_match"]
"""
"""The definition of the judge `judged_right`."""
JUDGE_ERRS = ("--sensitivity", "0.9", "--specificity", "1")
"""It errs by content, and the same short question comes again and again: a mistake on a right answer would, too."""
SLACK_CHANNEL = "C0LOANOPS"


def free_port(preferred: int) -> int:
    """`preferred` if nobody listens there on loopback, else any free port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class Sidecar:
    """The running parts of one demo.

    Args:
        data_dir: a fresh directory.
        seed: of everything that is made up.
        say: takes one line for people.
        embeddings_per_day: texts that are embedded.
    """

    data_dir: Path
    seed: int
    say: Callable[[str], None]
    embeddings_per_day: int = 4
    slack: SlackStandin = field(init=False)
    settings: Settings = field(init=False)
    model_url: str = field(init=False)
    finetune_url: str = field(init=False)
    _started: ExitStack = field(default_factory=ExitStack)
    """Undoes what was started, the last first."""
    _supervisor: Supervisor = field(init=False)
    _scheduler: subprocess.Popen[str] = field(init=False)
    _log: IO[str] = field(init=False)
    _ports: dict[str, int] = field(init=False)

    def start(self, *, now: datetime) -> None:
        """Start everything; returns when all of it is ready."""
        self._prepare()
        self.tell_time(now)
        environment = self._environment()
        os.environ.update(environment)  # the SDK and the settings of this process read it too
        self.settings = load_settings()
        self._supervisor = Supervisor(say=self.say, output=self._log)
        self._started.callback(self._supervisor.stop)
        store, *others = self._parts()
        self._supervisor.start(store)
        migrate(self.settings.store, retention_days=0)
        self._supervisor.start(*others)
        self._scheduler = self._supervisor.process("scheduler")

    def _prepare(self) -> None:
        lacking = [name for name in NEEDED if find_spec(name) is None]
        if lacking:
            raise ConfigurationError(
                f"the demo trains a real model and lacks {', '.join(lacking)};"
                " install what it needs with: pip install 'outerloop[demo]'"
            )
        for folder in ("schemas", "judges", "finetune"):
            (self.data_dir / folder).mkdir(parents=True, exist_ok=True)
        (self.data_dir / "schemas" / f"{SERVICE}.json").write_text(json.dumps(SCHEMA), "utf-8")
        (self.data_dir / "judges" / "judged_right.toml").write_text(JUDGE, "utf-8")
        self._log = self._started.enter_context(
            (self.data_dir / "sidecar.log").open("a", encoding="utf-8")
        )
        self.slack = self._started.enter_context(SlackStandin())

    @property
    def pointer(self) -> Path:
        """The file that a promotion writes and the app follows."""
        return self.data_dir / "releases" / f"{SERVICE}.json"

    def _environment(self) -> dict[str, str]:
        model, judge, finetune = (free_port(0) for _ in range(3))
        self.model_url, self.finetune_url = (
            f"http://127.0.0.1:{model}/v1",
            f"http://127.0.0.1:{finetune}",
        )
        self._ports = {"model": model, "judge": judge, "finetune": finetune}
        defaults = Settings.model_fields
        return {
            "OUTERLOOP_DATA_DIR": str(self.data_dir),
            CLOCK_FILE: str(self.data_dir / "clock"),
            "OUTERLOOP_RETENTION_DAYS": "0",
            # its questions are a template: two that differ in a day alone are different questions
            "OUTERLOOP_DATASET_NEAR": "1",
            "OUTERLOOP_EMBEDDINGS_PER_DAY": str(self.embeddings_per_day),
            **{
                f"OUTERLOOP_{name.upper()}": str(free_port(defaults[name].default))
                for name in ("otlp_http_port", "otlp_grpc_port", "store_port", "dashboard_port")
            },
            "OUTERLOOP_JUDGE_BASE_URL": f"http://127.0.0.1:{judge}/v1",
            "OUTERLOOP_JUDGE_MODELS": "judge-stand-in",
            "OUTERLOOP_SLACK_TOKEN": self.slack.workspace.token,
            "OUTERLOOP_SLACK_CHANNEL": SLACK_CHANNEL,
            "OUTERLOOP_SLACK_BASE_URL": self.slack.base_url,
            "OUTERLOOP_RETRAIN_WEBHOOK_URL": f"{self.finetune_url}/retrain",
            "OUTERLOOP_RETRAIN_WEBHOOK_SECRET": f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}",
        }

    def _parts(self) -> list[Part]:
        ports = {name: str(port) for name, port in self._ports.items()}
        parts = sidecar(self.settings)
        parts = [
            Part("scheduler", part.module, arguments=["scheduler", "--replay"], piped=True)
            if part.name == "scheduler"
            else part
            for part in parts
        ]
        secret = self.settings.retrain_webhook_secret
        return [
            *parts,
            Part(
                "model",
                "examples.finetune",
                f"http://127.0.0.1:{ports['model']}/healthz",
                [
                    "serve",
                    "--base",
                    str(MODEL),
                    "--name",
                    RELEASE,
                    "--port",
                    ports["model"],
                    *ONE_CORE,
                ],
            ),
            Part(
                "judge (stand-in)",
                "monitor.standins.llm",
                f"http://127.0.0.1:{ports['judge']}/v1/models",
                ["--port", ports["judge"], "--seed", str(self.seed), *JUDGE_ERRS],
            ),
            Part(
                "fine-tune job",
                "examples.finetune",
                f"{self.finetune_url}/healthz",
                [
                    "serve",
                    "--base",
                    str(MODEL),
                    "--work-dir",
                    str(self.data_dir / "finetune"),
                    "--port",
                    ports["finetune"],
                    "--secret",
                    secret.get_secret_value() if secret else "",
                    *ONE_CORE,
                    *TRAINING,
                ],
            ),
        ]

    def tell_time(self, now: datetime) -> None:
        """It is now `now`, for every process of the sidecar."""
        path = self.data_dir / "clock"
        path.with_suffix(".new").write_text(rfc3339(now), "ascii")
        path.with_suffix(".new").replace(path)

    def run_jobs(self, now: datetime) -> dict[str, Any]:
        """Move the scheduler's clock to `now`; returns what its jobs did.

        Raises:
            OuterloopError: the scheduler is gone, or a job failed.
        """
        assert self._scheduler.stdin
        assert self._scheduler.stdout
        with suppress(BrokenPipeError):  # it ended: said below, with where to look
            self._scheduler.stdin.write(rfc3339(now) + "\n")
            self._scheduler.stdin.flush()
        while True:
            line = self._scheduler.stdout.readline()
            if not line:
                raise OuterloopError(
                    f"the scheduler ended; its words are in {self.data_dir / 'sidecar.log'}"
                )
            if line.startswith("{"):
                break
        runs: dict[str, Any] = json.loads(line)["runs"]
        for name, run in runs.items():
            if run["outcome"] == "failed":
                raise OuterloopError(
                    f"job {name} failed at {rfc3339(now)}: {run['error']}; see {self.data_dir / 'sidecar.log'}"
                )
        return runs

    def verified_deliveries(self) -> int:
        """Webhooks whose signature the fine-tune job has verified, by its own word."""
        with urllib.request.urlopen(f"{self.finetune_url}/", timeout=5) as answer:  # noqa: S310 - our own stand-in
            return int(json.load(answer)["deliveries_verified"])

    def stop(self) -> None:
        """Stop everything that was started."""
        self._started.close()
