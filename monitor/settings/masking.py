"""Personal data and secrets: what is masked before anything is written."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from monitor.settings.kinds import MaskMode, NameList, Names, Table

__all__ = ["Masking", "ServiceMask"]


class ServiceMask(BaseModel):
    """What is masked of one service; what is not said here is as for all others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mask: MaskMode | None = None
    """Its own mode."""
    recognisers: NameList | None = None
    """Its own choice."""
    allow: NameList = Field(default_factory=list)
    """Attributes that are not touched, beside those of all services."""
    deny: NameList = Field(default_factory=list)
    """Attributes that are removed, beside those of all services."""


class Masking(BaseModel):
    """Whether and how values are masked; `docs/masking.md`."""

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
    mask_patterns: Table = Field(
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
