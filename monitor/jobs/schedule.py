"""The one tuple that says which jobs there are, and when they run."""

from __future__ import annotations

from datetime import timedelta

from monitor.jobs import (
    alert,
    anchors,
    canary,
    checks,
    completion,
    deliver,
    descriptors,
    embed,
    extension,
    fields,
    hours,
    incident,
    ingestion,
    judge,
    outcomes,
    rates,
    retrain,
    shadow,
    silence,
    temporal,
    texts,
)
from monitor.jobs.job import Job

__all__ = ["SCHEDULE", "job_named"]

WEEK = timedelta(days=7)
"""Reach of jobs that read every call with its texts: one run must fit into memory, whatever history it finds."""
LONG = timedelta(hours=4)
"""Deadline of jobs that work off a backlog through a model."""

SCHEDULE = (
    Job("completion", every=timedelta(minutes=1), run=completion.run, reach=WEEK),
    Job("checks", every=timedelta(minutes=10), run=checks.run, reach=WEEK),
    Job("outcomes", every=timedelta(minutes=10), run=outcomes.run, reach=WEEK),
    Job("judge", every=timedelta(hours=1), run=judge.run, missing=judge.missing, deadline=LONG),
    Job("anchors", every=timedelta(hours=1), run=anchors.run, missing=judge.missing),
    Job("embed", every=timedelta(hours=1), run=embed.run, missing=embed.missing, deadline=LONG),
    Job("texts", every=timedelta(hours=1), run=texts.run),
    Job("temporal", every=timedelta(hours=1), run=temporal.run),
    Job("fields", every=timedelta(hours=1), run=fields.run),
    Job("rates", every=timedelta(hours=1), run=rates.run),
    Job("extension", every=timedelta(hours=1), run=extension.run, missing=extension.missing),
    Job("incident", every=timedelta(hours=1), run=incident.run),
    Job("retrain", every=timedelta(hours=1), run=retrain.run),
    Job("shadow", every=timedelta(hours=1), run=shadow.run, missing=shadow.missing),
    Job("canary", every=timedelta(hours=1), run=canary.run),
    Job("deliver", every=timedelta(minutes=1), run=deliver.run),
    Job("silence", every=timedelta(minutes=10), run=silence.run),
    Job("ingestion", every=timedelta(minutes=10), run=ingestion.run),
    Job("hours", every=timedelta(minutes=10), run=hours.run),
    Job("alert", every=timedelta(minutes=10), run=alert.run, missing=alert.missing),
    Job("descriptors", every=timedelta(days=1), run=descriptors.run, missing=descriptors.missing),
)
"""Read it downwards: what is known about each call, then what changed, then what is done about it.
Jobs that are due at the same moment run in this order."""


def job_named(name: str) -> Job | None:
    """The job of that name, or None."""
    return next((job for job in SCHEDULE if job.name == name), None)
