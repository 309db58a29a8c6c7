"""One `Settings`, built once in the command line from the environment and `outerloop.toml`, passed down."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from platformdirs import user_data_path
from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    BeforeValidator,
    ConfigDict,
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

from judges.asking.prices import Price, parse_prices
from monitor.exceptions import ConfigurationError

__all__ = ["ServiceMask", "Settings", "load_settings"]

PREFIX = "OUTERLOOP_"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def _http_url(value: object) -> object:
    if value is None or value == "":
        return None
    AnyHttpUrl(str(value))
    return str(value).rstrip("/")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{name!r} is no time zone; use an IANA name") from error
    return name


def _names(value: object) -> object:
    return (
        [name.strip() for name in value.split(",") if name.strip()]
        if isinstance(value, str)
        else value
    )


def _patterns(value: object) -> object:
    """`name=expression`, one a line; in `outerloop.toml` a table."""
    if not isinstance(value, str):
        return value
    lines = [line.strip() for line in value.splitlines() if line.strip()]
    pairs = [line.partition("=") for line in lines]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError("write name=expression, one a line")
    return {name.strip(): pattern.strip() for name, _, pattern in pairs}


def _prices(value: object) -> object:
    """`model=input/output`, by comma or one a line; in `outerloop.toml` a table of `"input/output"`."""
    if isinstance(value, dict):
        entries = (f"{model}={price}" for model, price in value.items() if isinstance(price, str))
        return {**value, **parse_prices("\n".join(entries))}
    return parse_prices(value) if isinstance(value, str) else value


Url = Annotated[str | None, BeforeValidator(_http_url)]
Port = Annotated[int, Field(ge=1, le=65535)]
Names = Annotated[list[str], NoDecode, BeforeValidator(_names)]
MaskMode = Literal["off", "on", "drop-content"]


class ServiceMask(BaseModel):
    """What is masked of one service; what is not said here is as for all others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mask: MaskMode | None = None
    """Its own mode."""
    recognisers: Annotated[list[str], BeforeValidator(_names)] | None = None
    """Its own choice."""
    allow: Annotated[list[str], BeforeValidator(_names)] = Field(default_factory=list)
    """Attributes that are not touched, beside those of all services."""
    deny: Annotated[list[str], BeforeValidator(_names)] = Field(default_factory=list)
    """Attributes that are removed, beside those of all services."""


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
    judge_base_url: Url = Field(
        None, description="any OpenAI-compatible endpoint", examples=["http://127.0.0.1:11434/v1"]
    )
    judge_api_key: SecretStr | None = Field(None, description="its key", examples=["sk-…"])
    judge_models: Annotated[list[str], NoDecode, BeforeValidator(_names)] = Field(
        default_factory=list,
        description="models, separated by commas",
        examples=["gpt-5-mini,claude-haiku-4-5"],
    )
    judge_prices: Annotated[dict[str, Price], NoDecode, BeforeValidator(_prices)] = Field(
        default_factory=dict,
        description="USD per million input/output tokens of models that no price list has, or of your own"
        " agreement with a vendor, as `model=input/output`, separated by commas; in `outerloop.toml` a table;"
        " without a price a budget cannot be held",
        examples=["my-model=0.10/0.40,other=0/0"],
    )
    judge_daily_budget_usd: float | None = Field(
        None, ge=0, description="hard limit of what judges may spend in a UTC day", examples=[5.0]
    )
    judge_service_budgets_usd: Annotated[
        dict[str, Annotated[float, Field(ge=0)]], NoDecode, BeforeValidator(_patterns)
    ] = Field(
        default_factory=dict,
        description="the same of single services, as `service=USD`, one a line; in `outerloop.toml` a table",
        examples=["loan-extractor=1.5"],
    )
    embedding_model: str = Field(
        "sentence-transformers/all-MiniLM-L6-v2",
        description="a name or a local folder",
        examples=["/models/all-MiniLM-L6-v2"],
    )
    embeddings_per_day: int = Field(
        1000,
        ge=0,
        description="inputs, and as many outputs, of each service that text drift looks at in a day; between one"
        " and two times as many where there is more traffic; 0 turns it off",
        examples=[500],
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
        description="Standard Webhooks secret shared with it; several, separated by commas or blanks, while one is"
        " replaced by another",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    retrain_cooldown_days: Annotated[float, Field(ge=0)] = Field(
        7,
        description="days after a retrain was promoted, rejected or rolled back in which no other one of its service is"
        " proposed by itself; people may ask for one all the same",
        examples=[14],
    )
    retrain_limit_per_month: Annotated[int, Field(ge=1)] = Field(
        4,
        description="retrains of a service that are proposed by themselves within 30 days at most",
        examples=[2],
    )
    retrain_usd_per_million_tokens: Annotated[float, Field(ge=0)] | None = Field(
        None,
        description="what training on a million tokens costs, for the advice's expected cost; not told when not set",
        examples=[0.4],
    )
    retrain_silence_hours: Annotated[float, Field(gt=0)] = Field(
        24,
        description="a fine-tune job that has taken a request and is not heard of for so long has failed;"
        " what it reports later is still taken while no other retrain has begun",
        examples=[6],
    )
    auto_approve: bool = Field(
        False,  # noqa: FBT003 - pydantic's way to say a default
        description="a candidate whose comparison says `better` is approved and promoted without a person;"
        " `outerloop doctor`, the retrain's page and every message then say so",
        examples=["true"],
    )
    candidate_margin: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.02,
        description="rise of the error rate outside the failing slice up to which a candidate is not worse",
        examples=[0.01],
    )
    candidate_min_calls: Annotated[int, Field(ge=1)] = Field(
        30,
        description="labelled reserved calls without which a candidate is never called better",
        examples=[200],
    )
    candidate_latency_ratio: Annotated[float, Field(gt=0)] = Field(
        2.0,
        description="how many times as long as production a candidate may take, median and 95th percentile; a rise of"
        " less than 200 ms passes",
        examples=[1.5],
    )
    candidate_cost_ratio: Annotated[float, Field(gt=0)] = Field(
        2.0,
        description="how many times as dear as production it may be; in tokens where its price is not known",
        examples=[1.2],
    )
    shadow_share: Annotated[float, Field(ge=0, le=1)] = Field(
        0,
        description="share of live calls that a compared candidate answers too, unseen by users, until somebody"
        " decides; 0, the default, sends it none",
        examples=[0.05],
    )
    shadow_calls_per_hour: Annotated[int, Field(ge=1, le=10_000)] = Field(
        200, description="at most so many of them in an hour", examples=[500]
    )
    dataset_near: Annotated[float, Field(ge=0.3, le=1)] = Field(
        0.7,
        description="an input is kept out of training from this cosine on with that of a reserved call, by rare"
        " character n-grams; 1 keeps out the same input alone",
        examples=[0.8],
    )
    dataset_near_vectors: Annotated[float, Field(ge=0.3, le=1)] = Field(
        0.97,
        description="the same by sentence embeddings, where both calls have one; 1 turns it off",
        examples=[1],
    )
    dataset_label_model: str | None = Field(
        None,
        description="a stronger model, at OUTERLOOP_JUDGE_BASE_URL, that may write labels for hard calls; its labels"
        " are marked `model:<name>`; none is asked when not set",
        examples=["gpt-5"],
    )
    alert_webhook_url: Url = Field(
        None, description="generic alert sink", examples=["https://ops.example/alerts"]
    )
    alert_webhook_secret: SecretStr | None = Field(
        None,
        description="Standard Webhooks secret shared with it; several while one is replaced",
        examples=["whsec_…"],
    )
    alert_timezone: Annotated[str, AfterValidator(_zone)] = Field(
        "UTC",
        description="zone of the quiet hours and of the digest, an IANA name",
        examples=["Europe/Berlin"],
    )
    alert_quiet_hours: str = Field(
        "",
        pattern=r"^$|^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$",
        description="hours in which pages alone are told; the rest waits until they are over; none when not set",
        examples=["22:00-07:00"],
    )
    alert_digest_at: str = Field(
        "08:00",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="when the day's watch incidents are told, together",
        examples=["08:00"],
    )
    alert_posts_per_hour: Annotated[int, Field(ge=1)] = Field(
        20,
        description="new incidents that one sink is told in an hour at most, pages first; the others follow",
        examples=[20],
    )
    alert_escalate_after_minutes: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="a page that nobody has acknowledged for so long is told once more; never when not set",
        examples=[30],
    )
    alert_escalate_to: str = Field(
        "<!here>",
        description="to whom then: mentions for the incident's thread (`<!here>`, `<@U…>`, `<!subteam^S…>`),"
        " or another channel",
        examples=["#on-call"],
    )
    retention_days: int = Field(
        90, ge=0, description="days that rows are kept; 0 keeps them for ever", examples=[90]
    )
    false_alerts_per_week: Annotated[float, Field(gt=0, le=100)] = Field(
        0.5,
        description="false alarms a week that may wake somebody, over all watched series of the deployment together;"
        " what is only noted (improved, or watch closely) has ten times as many",
        examples=[0.1],
    )
    wal_limit_mib: Annotated[int, Field(ge=64)] = Field(
        2048,
        description="MiB that the collector's write-ahead log may take while the store is away;"
        " when it is full senders are answered 503",
        examples=[8192],
    )
    raw_retention_days: int | None = Field(
        None,
        ge=0,
        description="days that raw spans and log records are kept, where `calls` and `steps` made of them shall"
        " stay longer; default: as OUTERLOOP_RETENTION_DAYS",
        examples=[14],
    )
    public_url: Url = Field(
        None,
        description="where people reach the dashboard, for links in alerts",
        examples=["https://outerloop.example"],
    )

    mask: MaskMode = Field(
        "off",
        description="personal data and secrets before anything is written: `off`, `on`, or `drop-content`"
        " (prompts, answers, arguments and documents vanish too); `docs/masking.md`",
        examples=["on"],
    )
    mask_recognisers: Names = Field(
        default_factory=lambda: ["all"],
        description="which kinds of values, separated by commas; all when not set",
        examples=["email,phone,card,iban,secret"],
    )
    mask_patterns: Annotated[dict[str, str], NoDecode, BeforeValidator(_patterns)] = Field(
        default_factory=dict,
        description="own RE2 expressions as `name=expression`, one a line",
        examples=[r"employee_id=E-\d{6}"],
    )
    mask_allow: Names = Field(
        default_factory=list,
        description="attributes that are never masked; `*` at the end stands for any ending",
        examples=["session.id,app.order.*"],
    )
    mask_deny: Names = Field(
        default_factory=list,
        description="attributes that are always removed",
        examples=["user.email,http.request.header.*"],
    )
    mask_services: dict[str, ServiceMask] = Field(
        default_factory=dict,
        description="JSON, or tables: `mask`, `recognisers`, `allow`, `deny` of single services",
        examples=['{"payments": {"mask": "drop-content"}}'],
    )
    mask_keyed: bool = Field(
        False,  # noqa: FBT003 - pydantic's way to say a default
        description="equal values get equal placeholders, different ones different: `[email:kdtmbnrw]`",
        examples=["true"],
    )
    mask_secret: SecretStr | None = Field(
        None,
        description="key of such placeholders; without it one is made and kept in the data directory",
        examples=["a-long-random-text"],
    )
    mask_tenant_attribute: str = Field(
        "",
        description="attribute of a span or resource; equal placeholders only within one value of it",
        examples=["outerloop.tag.tenant"],
    )
    mask_phone_regions: Names = Field(
        default_factory=lambda: ["US", "GB", "DE", "FR", "ES", "IT", "NL"],
        description="countries whose telephone numbers are known without their country code;"
        " US, GB, DE, FR, ES, IT and NL when not set",
        examples=["US,GB"],
    )
    mask_drop_over_chars: int = Field(
        200,
        ge=0,
        description="with `drop-content`: a value of an attribute that is not known to be harmless"
        " vanishes when it is longer",
        examples=[200],
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

    @model_validator(mode="after")
    def _certificate_and_key_come_together(self) -> Settings:
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
    def raw_days(self) -> int:
        """Days that raw rows are kept; 0 keeps them for ever."""
        return self.retention_days if self.raw_retention_days is None else self.raw_retention_days

    @property
    def mask_key(self) -> Path:
        """Where the key of masked ids is kept when OUTERLOOP_MASK_SECRET does not give it."""
        return self.data_dir / "mask.key"

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
