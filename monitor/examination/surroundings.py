"""This machine: settings that do not go together, the disk, the libraries."""

from __future__ import annotations

import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.examination.finding import fine, problem, warning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from monitor.examination.finding import Finding
    from monitor.settings import Settings

__all__ = ["configuration", "disk", "versions"]

GIB = 1024**3
LIBRARIES = (
    "chdb",
    "clickhouse-connect",
    "opentelemetry-api",
    "openai",
    "slack-sdk",
    "streamlit",
    "apscheduler",
)
WHOLE_LOG_BYTES = 2 * GIB
"""What the write-ahead log may take while the store is away."""
OUT_OF_DISK_BYTES = GIB // 4


def configuration(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Settings that are right one by one and do not go together."""
    del now
    where = "embedded" if settings.store_url is None else "by URL"
    yield fine(
        "settings", f"store {where}, data in {settings.data_dir}, listens on {settings.host}"
    )
    if settings.slack_token and not settings.slack_channel:
        yield problem(
            "settings",
            "there is a Slack token and no channel",
            "set OUTERLOOP_SLACK_CHANNEL=#llm-alerts",
        )
    for name in ("retrain", "alert"):
        url, secret = (getattr(settings, f"{name}_webhook_{part}") for part in ("url", "secret"))
        if url and not secret:
            yield problem(
                "settings",
                f"there is a webhook for {name} and no secret to sign with",
                f"set OUTERLOOP_{name.upper()}_WEBHOOK_SECRET=whsec_…",
            )
    if settings.judge_base_url and not settings.judge_models:
        yield warning(
            "settings", "there is a judge endpoint and no model", "set OUTERLOOP_JUDGE_MODELS"
        )
    if not Path(settings.embedding_model).exists() and find_spec("sentence_transformers") is None:
        yield fine(
            "embeddings",
            "no sentence encoder, so embedding drift is off; pip install 'outerloop[embeddings]' turns it on",
        )


def disk(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Room for the store, and for a write-ahead log that fills to its limit."""
    del now
    folder = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    usage, wal = shutil.disk_usage(folder), settings.data_dir / "wal"
    held = sum(file.stat().st_size for file in wal.glob("*.wal")) if wal.is_dir() else 0
    needed = max(0, WHOLE_LOG_BYTES - held)
    told = f"{usage.free / GIB:.1f} of {usage.total / GIB:.0f} GiB free at {folder}"
    mend = "make room, choose another OUTERLOOP_DATA_DIR, or lower OUTERLOOP_RETENTION_DAYS"
    if usage.free < OUT_OF_DISK_BYTES:
        yield problem("disk", told, mend)
    elif usage.free < needed:
        yield warning(
            "disk",
            f"{told}, less than the {needed / GIB:.1f} GiB that the log may still take",
            mend,
        )
    else:
        yield fine("disk", f"{told}; the log holds {held / 1024**2:,.1f} MiB")


def versions(settings: Settings, now: datetime) -> Iterator[Finding]:
    """The libraries that the parts need."""
    del settings, now
    told, missing = [f"Python {platform.python_version()}"], []
    for name in ("outerloop", *LIBRARIES):
        try:
            told.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        yield problem(
            "versions", f"{', '.join(missing)} missing", "pip install 'outerloop[server]'"
        )
    yield fine("versions", ", ".join(told))
