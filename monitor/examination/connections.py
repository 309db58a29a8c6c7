"""Who answers: store, collector, judge, Slack, webhooks. Nothing is sent that anybody would notice."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
from clickhouse_connect.driver.exceptions import ClickHouseError
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from monitor.examination.finding import fine, problem, warning
from monitor.exceptions import OuterloopError
from monitor.figures import Figures, ask_collector
from monitor.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from monitor.examination.finding import Finding
    from monitor.settings import Settings

__all__ = ["collector", "grpc", "judge", "slack", "store", "webhooks"]

TIMEOUT_S = 5.0


def store(settings: Settings, now: datetime) -> Iterator[Finding]:
    """The store answers, and how fast."""
    del now
    where = urlsplit(settings.store)
    place = f"{where.hostname}:{where.port}{where.path}"
    client = Store(settings.store)
    began = time.perf_counter()
    try:
        client.rows("services")
    except (OuterloopError, ClickHouseError) as error:
        told = str(error).splitlines()[0][:300]
        if "UNKNOWN_DATABASE" in str(error) or "UNKNOWN_TABLE" in str(error):
            yield problem("store", f"there is no schema at {place}", "outerloop migrate")
        else:
            yield problem("store", told.partition(";")[0], _store_mend(settings))
        return
    elapsed_ms = 1000 * (time.perf_counter() - began)
    yield fine(
        "store",
        f"ClickHouse {client.client.server_version} at {place} answers in {elapsed_ms:.0f} ms",
    )
    client.close()


def _store_mend(settings: Settings) -> str:
    if settings.store_url is None:
        return "start it with `outerloop up` or `outerloop store`"
    return "start it, or check OUTERLOOP_STORE_URL: host, port, user, password, database"


def collector(settings: Settings, now: datetime) -> Iterator[Finding]:
    """The collector answers over HTTP, takes requests, and reaches the store."""
    del now
    figures = ask_collector(settings)
    if not isinstance(figures, Figures):
        yield problem(
            "collector",
            f"does not answer at {settings.collector_url} ({figures})",
            "start it with `outerloop up` or `outerloop collector`",
        )
        return
    for part, why in figures.problems.items():
        mend = (
            "bring the store back"
            if part == "store"
            else "make room on the disk, or bring the store back"
        )
        yield problem("collector", f"{part}: {why}", f"{mend}; what was accepted waits in the log")
    if not figures.problems:
        held = figures.value("wal_bytes") / 1024**2
        waiting = figures.value("waiting")
        yield fine(
            "collector",
            f"ready at {figures.url}; {waiting:,.0f} rows wait in {held:,.1f} MiB of log",
        )


def grpc(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Something listens where OTLP over gRPC should be."""
    del now
    address = (settings.host, settings.otlp_grpc_port)
    try:
        with socket.create_connection(address, TIMEOUT_S):
            yield fine("gRPC", f"port {settings.otlp_grpc_port} is open")
    except OSError as error:
        yield warning(
            "gRPC",
            f"nothing listens on {settings.host}:{settings.otlp_grpc_port} ({error.strerror or error})",
            "start the collector; exporters that speak OTLP/HTTP do not need this port",
        )


def judge(settings: Settings, now: datetime) -> Iterator[Finding]:
    """The judge's endpoint answers, takes the key, and has the models."""
    del now
    if settings.judge_base_url is None:
        yield fine("judge", "off; OUTERLOOP_JUDGE_BASE_URL turns it on")
        return
    key = settings.judge_api_key
    headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}
    url = f"{settings.judge_base_url.rstrip('/')}/models"
    try:
        answer = httpx.get(url, headers=headers, timeout=TIMEOUT_S)
    except httpx.HTTPError as error:
        yield problem("judge", f"{url} was not reached: {error}", "check OUTERLOOP_JUDGE_BASE_URL")
        return
    if answer.status_code in (401, 403):
        yield problem(
            "judge", f"{url} refuses the key ({answer.status_code})", "set OUTERLOOP_JUDGE_API_KEY"
        )
    elif answer.status_code != 200:
        told = f"{url} answers {answer.status_code}, so its models are not known"
        yield warning("judge", told, "check OUTERLOOP_JUDGE_BASE_URL; it usually ends in /v1")
    else:
        yield _models(settings, answer)


def _models(settings: Settings, answer: httpx.Response) -> Finding:
    try:
        names = {str(one["id"]) for one in answer.json()["data"]}
    except (ValueError, KeyError, TypeError):
        return warning(
            "judge", "its list of models cannot be read", "check OUTERLOOP_JUDGE_BASE_URL"
        )
    absent = [name for name in settings.judge_models if name not in names]
    if absent:
        told = f"it does not list {', '.join(absent)}, but {', '.join(sorted(names)[:5]) or 'no model'}"
        return warning("judge", told, "check OUTERLOOP_JUDGE_MODELS")
    budget = settings.judge_daily_budget_usd
    limit = "no daily limit" if budget is None else f"at most {budget:g} USD a day"
    return fine("judge", f"{', '.join(settings.judge_models) or 'no model chosen'}; {limit}")


def slack(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Slack knows the token; nothing is posted."""
    del now
    if settings.slack_token is None:
        if settings.slack_webhook_url:
            yield _reached("Slack", settings.slack_webhook_url, "OUTERLOOP_SLACK_WEBHOOK_URL")
        else:
            yield fine("Slack", "off; OUTERLOOP_SLACK_TOKEN and OUTERLOOP_SLACK_CHANNEL turn it on")
        return
    address = settings.slack_base_url
    client = WebClient(
        settings.slack_token.get_secret_value(),
        timeout=int(TIMEOUT_S),
        base_url=f"{address}/" if address else WebClient.BASE_URL,
    )
    try:
        who = client.auth_test()
    except SlackApiError as error:
        reason = error.response.get("error", error)
        yield problem(
            "Slack",
            f"refuses the token: {reason}",
            "set OUTERLOOP_SLACK_TOKEN to the bot token (xoxb-…)",
        )
    except OSError as error:
        yield problem(
            "Slack", f"was not reached: {error}", "check the network, or OUTERLOOP_SLACK_BASE_URL"
        )
    else:
        channel = settings.slack_channel or "no channel"
        yield fine(
            "Slack", f"{who.get('user', 'a bot')} in {who.get('team', 'a workspace')}, to {channel}"
        )


def webhooks(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Their hosts can be reached; nothing is delivered."""
    del now
    for name in ("retrain", "alert"):
        url = getattr(settings, f"{name}_webhook_url")
        if url:
            yield _reached(f"{name} hook", url, f"OUTERLOOP_{name.upper()}_WEBHOOK_URL")


def _reached(what: str, url: str, setting: str) -> Finding:
    """Whether a connection to the URL's host can be made."""
    where = urlsplit(url)
    port = where.port or (443 if where.scheme == "https" else 80)
    try:
        with socket.create_connection((where.hostname or "", port), TIMEOUT_S):
            return fine(what, f"{where.hostname}:{port} can be reached (nothing was sent)")
    except OSError as error:
        told = f"{where.hostname}:{port} was not reached ({error.strerror or error})"
        return problem(what, told, f"start it, or check {setting}")
