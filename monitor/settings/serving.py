"""Where everything listens, is reached and is kept."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import BaseModel, Field, SecretStr, model_validator

from monitor.exceptions import ConfigurationError
from monitor.settings.kinds import Port, Url

__all__ = ["LOOPBACK", "Serving"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Serving(BaseModel):
    """Store, collector and dashboard: addresses, ports, token, TLS."""

    store_url: Url = Field(
        None,
        description="`http(s)://user:password@host:8123/database` of a ClickHouse server or cluster;"
        " without it the embedded store is used",
        examples=["http://default:secret@clickhouse:8123/outerloop"],
    )
    data_dir: Path = Field(
        default_factory=lambda: user_data_path("outerloop"),
        description="embedded store, write-ahead log, scheduler state, exports",
        examples=["/var/lib/outerloop"],
    )
    host: str = Field(
        "127.0.0.1",
        description="address that collector and dashboard listen on",
        examples=["0.0.0.0"],  # noqa: S104 - an example
    )
    otlp_http_port: Port = Field(4318, description="OTLP over HTTP", examples=[4318])
    otlp_grpc_port: Port = Field(4317, description="OTLP over gRPC", examples=[4317])
    store_port: Port = Field(
        8125, description="the embedded store's HTTP front, on loopback", examples=[8125]
    )
    store_memory_mb: int | None = Field(
        None,
        ge=512,
        description="memory of the embedded engine for queries, merges and caches;"
        " without it half of the machine's, at least 1024",
        examples=[2048],
    )
    dashboard_port: Port = Field(8501, description="dashboards", examples=[8501])
    endpoint: Url = Field(
        "http://127.0.0.1:4318",
        description="where the SDK sends",
        examples=["http://127.0.0.1:4318"],
    )
    token: SecretStr | None = Field(
        None,
        description="when set: required by the collector (`Authorization: Bearer …`) and sent by the SDK;"
        " required for any listener that is not on loopback",
        examples=["a-long-random-text"],
    )
    tls_certificate: Path | None = Field(
        None,
        description="PEM certificate chain; with `OUTERLOOP_TLS_KEY` the collector speaks TLS on both its ports",
        examples=["/etc/outerloop/tls.crt"],
    )
    tls_key: Path | None = Field(
        None, description="its PEM key, unencrypted", examples=["/etc/outerloop/tls.key"]
    )
    database: str = Field(
        "outerloop",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="database name",
        examples=["outerloop"],
    )
    public_url: Url = Field(
        None,
        description="where people reach the dashboard, for links in alerts",
        examples=["https://outerloop.example"],
    )

    @model_validator(mode="after")
    def _open_listener_needs_token(self) -> Self:
        if self.host not in LOOPBACK and self.token is None:
            raise ValueError(
                f"OUTERLOOP_HOST is {self.host}, which others can reach, and there is no OUTERLOOP_TOKEN;"
                " set one, e.g. OUTERLOOP_TOKEN=$(openssl rand -hex 24)"
            )
        return self

    @model_validator(mode="after")
    def _certificate_and_key_come_together(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            given, missing = "CERTIFICATE", "KEY"
            if self.tls_certificate is None:
                given, missing = missing, given
            raise ValueError(
                f"OUTERLOOP_TLS_{given} is set and OUTERLOOP_TLS_{missing} is not; TLS needs both"
            )
        return self

    @property
    def store(self) -> str:
        """URL of the store, embedded or not, database included."""
        if self.store_url is None:
            return f"http://127.0.0.1:{self.store_port}/{self.database}"
        return (
            self.store_url
            if urlsplit(self.store_url).path.strip("/")
            else f"{self.store_url}/{self.database}"
        )

    @property
    def dashboard_url(self) -> str:
        """Where a person opens the dashboard."""
        return self.public_url or f"http://{self.host}:{self.dashboard_port}"

    @property
    def collector_url(self) -> str:
        """Where this machine's other processes reach the collector."""
        scheme = "http" if self.tls_certificate is None else "https"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.otlp_http_port}"

    @property
    def told_url(self) -> str:
        """Where others reach the collector: OUTERLOOP_ENDPOINT when set, else our own listener."""
        told = self.endpoint if "endpoint" in self.model_fields_set else None
        return told or self.collector_url

    @property
    def collector_tls(self) -> ssl.SSLContext | None:
        """Trust in the collector's own certificate, whatever name it bears, for this machine's asking."""
        if self.tls_certificate is None:
            return None
        try:
            context = ssl.create_default_context(cafile=self.tls_certificate)
        except OSError as error:  # SSLError is one
            raise ConfigurationError(
                f"OUTERLOOP_TLS_CERTIFICATE={self.tls_certificate} cannot be used: {error};"
                " name a PEM file"
            ) from error
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return context
