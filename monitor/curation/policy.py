"""What the settings say of datasets: thresholds, and how personal data is taken out of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from monitor.curation.choice import Curation
from monitor.erasure.neighbour import ask
from monitor.erasure.placeholders import masking_settings
from monitor.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from monitor.curation.choice import Mask
    from monitor.settings import Settings

__all__ = ["curation_of"]


def curation_of(
    settings: Settings,
    service: str,
    *,
    always_mask: bool = False,
    turn: datetime | None = None,
    accept_new_key: bool = False,
) -> Curation:
    """How a service's datasets are made.

    Args:
        settings: thresholds and masking.
        service: whose dataset; it may have its own masking.
        always_mask: also where OUTERLOOP_MASK is off for the service.
        turn: calls before it are replayed.
        accept_new_key: build although the reserve key is another one than before.
    """
    return Curation(
        near=settings.dataset_near,
        near_vectors=settings.dataset_near_vectors,
        turn=turn,
        mask=_mask(settings, service, always=always_mask),
        accept_new_key=accept_new_key,
    )


def _mask(settings: Settings, service: str, *, always: bool) -> Mask | None:
    own = settings.mask_services.get(service)
    mode = own.mask if own and own.mask else settings.mask
    if mode == "off" and not always:
        return None
    return partial(_masked, settings, service, mode)


def _masked(settings: Settings, service: str, mode: str, texts: Sequence[str]) -> Sequence[str]:
    """The texts without personal data: the collector's package knows how, and is asked in a process of its own."""
    told = masking_settings(settings)
    if mode == "off":  # asked for this dataset alone
        told = {**told, "mask": "on", "mask_services": {}}
    asked = {"settings": told, "service": service, "texts": list(texts)}
    clean: list[str] = ask("collector.masking.texts", asked, failure=ConfigurationError)
    return clean
