"""One `Settings`, built once in the command line from the environment and `outerloop.toml`, passed down."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import (
    AnyHttpUrl,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from monitor.exceptions import ConfigurationError

__all__ = ["Settings", "load_settings"]

PREFIX = "OUTERLOOP_"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def _http_url(value: object) -> object:
    if value is None or value == "":
        return None
    AnyHttpUrl(str(value))
    return str(value).rstrip("/")


def _names(value: object) -> object:
    return (
        [name.strip() for name in value.split(",") if name.strip()]
        if isinstance(value, str)
        else value
    )


Url = Annotated[str | None, BeforeValidator(_http_url)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """Everything that can be set, with its default; `docs/settings.md` is made from this class."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        toml_file="outerloop.toml",
        extra="forbid",
        env_ignore_empty=True,
        frozen=True,
    )

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
    database: str = Field(
        "outerloop",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="database name",
        examples=["outerloop"],
    )
    judge_base_url: Url = Field(
        None, description="any OpenAI-compatible endpoint", examples=["http://127.0.0.1:11434/v1"]
    )
    judge_api_key: SecretStr | None = Field(None, description="its key", examples=["sk-…"])
    judge_models: Annotated[list[str], NoDecode, BeforeValidator(_names)] = Field(
        default_factory=list,
        description="models, separated by commas",
        examples=["gpt-5-mini,claude-haiku-4-5"],
    )
    judge_daily_budget_usd: float | None = Field(
        None, ge=0, description="hard limit of what judges may spend in a UTC day", examples=[5.0]
    )
    embedding_model: str = Field(
        "sentence-transformers/all-MiniLM-L6-v2",
        description="a name or a local folder",
        examples=["/models/all-MiniLM-L6-v2"],
    )
    slack_token: SecretStr | None = Field(None, description="bot token", examples=["xoxb-…"])
    slack_channel: str | None = Field(
        None, description="channel id or name", examples=["#llm-alerts"]
    )
    slack_app_token: SecretStr | None = Field(
        None, description="app token for Socket Mode", examples=["xapp-…"]
    )
    slack_signing_secret: SecretStr | None = Field(
        None, description="of the Slack app", examples=["8f74…"]
    )
    slack_webhook_url: Url = Field(
        None,
        description="incoming webhook, when there is no bot token",
        examples=["https://hooks.slack.com/services/…"],
    )
    slack_base_url: Url = Field(
        None,
        description="Slack's Web API, for tests and proxies",
        examples=["https://slack.com/api"],
    )
    retrain_webhook_url: Url = Field(
        None,
        description="the fine-tune job that is asked to retrain",
        examples=["https://gpu.example/retrain"],
    )
    retrain_webhook_secret: SecretStr | None = Field(
        None,
        description="Standard Webhooks secret shared with it",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    alert_webhook_url: Url = Field(
        None, description="generic alert sink", examples=["https://ops.example/alerts"]
    )
    alert_webhook_secret: SecretStr | None = Field(
        None, description="Standard Webhooks secret shared with it", examples=["whsec_…"]
    )
    retention_days: int = Field(
        90, ge=0, description="days that rows are kept; 0 keeps them for ever", examples=[90]
    )
    public_url: Url = Field(
        None,
        description="where people reach the dashboard, for links in alerts",
        examples=["https://outerloop.example"],
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over `outerloop.toml`."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @model_validator(mode="after")
    def _open_listener_needs_token(self) -> Settings:
        if self.host not in LOOPBACK and self.token is None:
            raise ValueError(
                f"OUTERLOOP_HOST is {self.host}, which others can reach, and there is no OUTERLOOP_TOKEN;"
                " set one, e.g. OUTERLOOP_TOKEN=$(openssl rand -hex 24)"
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
        return f"http://{self.host}:{self.otlp_http_port}"


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process.

    Raises:
        ConfigurationError: a value is wrong; names the variable, the problem and an example.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        raise ConfigurationError(
            "\n".join(_explain(problem) for problem in error.errors())
        ) from error
    except ValueError as error:  # a file that is no TOML, or an env value that is no JSON list
        raise ConfigurationError(
            f"outerloop.toml or the environment cannot be read: {error}"
        ) from error


def _explain(problem: Any) -> str:
    if not problem["loc"]:
        return str(problem["msg"]).removeprefix("Value error, ")
    name = str(problem["loc"][0])
    field = Settings.model_fields.get(name)
    if field is None:
        return f"{name} is no setting of Outerloop; see docs/settings.md for those there are"
    example = (field.examples or [""])[0]
    secret = "SecretStr" in str(field.annotation)
    value = "" if secret else f"={problem['input']}"
    return f"{PREFIX}{name.upper()}{value}: {problem['msg']}; for example {PREFIX}{name.upper()}={example}"
