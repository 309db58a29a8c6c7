"""A Celery app as people write them; its queue is a folder. Run by `benchmarks.sdk.hosts`."""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery

import monitor
from benchmarks.sdk.child import RETURNED

__all__ = ["app", "work"]

HOME = Path(os.environ["JOBS_HOME"])
monitor.init(service="jobs")
app = Celery("jobs", broker="filesystem://")
app.conf.update(
    broker_transport_options={
        "data_folder_in": str(HOME / "queue"),
        "data_folder_out": str(HOME / "queue"),
        "control_folder": str(HOME / "control"),
        "store_processed": False,
    },
    broker_connection_retry_on_startup=True,
    task_ignore_result=True,
    worker_hijack_root_logger=False,
)


@monitor.observe
def look_up(text: str) -> str:
    """The step inside."""
    return RETURNED[len(text) & 63]


@app.task(name="work")
@monitor.observe(kind="chain")
def work(text: str) -> None:
    """One job; says so in a file of its own when it is done."""
    look_up(text)
    with (HOME / "done").open("ab", buffering=0) as done:
        done.write(b"1\n")
