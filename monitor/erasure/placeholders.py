"""Under which placeholders masking has stored the subject's id: the collector's own package knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.erasure.neighbour import ask
from monitor.exceptions import ConfigurationError

if TYPE_CHECKING:
    from monitor.erasure.subject import Subject
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["masking_settings", "placeholders"]

PACKAGE = "monitor.erasure.statements"
TAG = "outerloop.tag."


def placeholders(store: Store, settings: Settings, subject: Subject) -> tuple[str, ...]:
    """What the id became on its way in, by every policy and tenant; none where ids were never masked.

    Raises:
        ConfigurationError: masking is on, and the key of its placeholders is not here.
    """
    modes = {settings.mask, *(one.mask for one in settings.mask_services.values() if one.mask)}
    keyed = settings.mask_secret is not None or settings.mask_key.exists()
    if subject.kind == "trace" or (modes == {"off"} and not keyed):
        return ()
    if not keyed:
        raise ConfigurationError(
            f"OUTERLOOP_MASK is on, and there is neither OUTERLOOP_MASK_SECRET nor {settings.mask_key}, so the id"
            " cannot be told in its masked form; run this with the collector's settings and data directory"
        )
    asked = {
        "settings": masking_settings(settings),
        "kind": subject.kind,
        "id": subject.id,
        "tenants": _tenants(store, settings.mask_tenant_attribute),
    }
    return tuple(ask("collector.masking", asked, failure=ConfigurationError))


def masking_settings(settings: Settings) -> dict[str, object]:
    """The settings that placeholders depend on, as JSON."""
    names = {name for name in type(settings).model_fields if name.startswith("mask")}
    given = settings.model_dump(mode="json", include=names | {"data_dir"})
    if settings.mask_secret is not None:
        given["mask_secret"] = settings.mask_secret.get_secret_value()
    return given


def _tenants(store: Store, attribute: str) -> list[str]:
    if not attribute:
        return []
    tag = attribute.removeprefix(TAG) if attribute.startswith(TAG) else ""
    rows = store.rows("tenants", package=PACKAGE, attribute=attribute, tag=tag)
    return [str(row[0]) for row in rows]
