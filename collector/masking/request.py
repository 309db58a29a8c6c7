"""A whole OTLP request, changed in place, service by service."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from collector.masking.message import Work, named
from collector.masking.policy import Fate, Policy, policy_of
from collector.masking.secret import secret_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.settings import Settings

__all__ = ["Masking"]


class Masking:
    """Masks requests; made once, and used by any number of threads at once.

    Args:
        default: for services that have no policy of their own.
        services: policies by service; None where a service is not masked.
        tenant_attribute: within its value equal values have equal placeholders.
    """

    def __init__(
        self, default: Policy | None, services: dict[str, Policy | None], tenant_attribute: str = ""
    ) -> None:
        self._default, self._services, self._tenant = default, services, tenant_attribute

    @classmethod
    def from_settings(cls, settings: Settings) -> Masking | None:
        """The masking that the settings ask for; None when that is none at all.

        Raises:
            ConfigurationError: one of them is wrong.
        """
        modes = {settings.mask, *(s.mask for s in settings.mask_services.values() if s.mask)}
        if modes == {"off"}:
            return None
        secret = secret_of(settings)
        services = {
            name: policy_of(settings, own, secret) for name, own in settings.mask_services.items()
        }
        return cls(policy_of(settings, None, secret), services, settings.mask_tenant_attribute)

    def apply(self, signal: str, request: Any) -> Counter[tuple[str, str]]:
        """Change a decoded request in place; returns how much was masked, by service and recogniser.

        Besides recognisers, reasons are `content`, `denied` and `unscannable`.
        """
        counts: Counter[tuple[str, str]] = Counter()
        for group, scopes in _groups(signal, request):
            service = named(group.resource, "service.name")
            policy = self._services.get(service, self._default)
            if policy is None:
                continue
            work = Work(policy, Counter(), self._tenant, named(group.resource, self._tenant))
            work.resource(group.resource)
            for scope, items in scopes:
                if scope.attributes:
                    work.attributes(scope.attributes, work.tenant)
                for item in items:
                    work.item(item, is_log=signal == "logs")
            for reason, number in work.counts.items():
                counts[service, reason] += number
        return counts

    def identity(
        self, value: str, *, service: str = "", key: str = "user.id", tenant: str = ""
    ) -> str:
        """What became of an id on its way in, so that it can be searched for and erased."""
        policy = self._services.get(service, self._default)
        if policy is None or policy.fate(key) is Fate.ALLOWED:
            return value
        keyed = policy.identifies(key)
        return policy.scanner.mask(value, key, Counter(), tenant=tenant, keyed=keyed)


def _groups(signal: str, request: Any) -> Iterator[tuple[Any, Iterator[tuple[Any, Any]]]]:
    """Resources with their scopes and items; of metrics nothing is kept, so there is nothing to mask."""
    if signal == "traces":
        for group in request.resource_spans:
            yield group, ((s.scope, s.spans) for s in group.scope_spans)
    elif signal == "logs":
        for group in request.resource_logs:
            yield group, ((s.scope, s.log_records) for s in group.scope_logs)
