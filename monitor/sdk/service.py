"""Who answers: the provider and address behind a client's base URL."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from monitor import vocabulary as v

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Service", "service_at"]

PROVIDERS = {
    "openai.azure.com": "azure.ai.openai",
    "cognitiveservices.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.inference",
    "models.ai.azure.com": "azure.ai.inference",
    "anthropic.com": "anthropic",
    "amazonaws.com": "aws.bedrock",
    "api.cohere.com": "cohere",
    "api.cohere.ai": "cohere",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.moonshot.ai": "moonshot_ai",
    "api.moonshot.cn": "moonshot_ai",
    "api.perplexity.ai": "perplexity",
    "api.x.ai": "x_ai",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "generativelanguage.googleapis.com": "gcp.gemini",
}
"""Who answers at an OpenAI-compatible address; everyone else is `openai`, whose protocol it is."""
PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Service:
    """An OpenAI-compatible service."""

    provider: str
    """As the GenAI conventions name it."""
    address: str
    port: int | None

    def attributes(self) -> Iterator[tuple[str, Any]]:
        """As span attributes."""
        yield v.PROVIDER, self.provider
        yield v.SERVER_ADDRESS, self.address
        yield v.SERVER_PORT, self.port


@lru_cache(maxsize=1024)
def service_at(base_url: str, *, azure: bool = False) -> Service:
    """The service at this address; `azure` where the client is Azure's, whatever its address.

    >>> service_at("https://api.groq.com/openai/v1/")
    Service(provider='groq', address='api.groq.com', port=443)
    >>> service_at("http://127.0.0.1:8000/v1").port
    8000
    """
    address = urlsplit(base_url)
    host = address.hostname or ""
    default = "azure.ai.openai" if azure else "openai"
    provider = next((name for ending, name in PROVIDERS.items() if host.endswith(ending)), default)
    return Service(provider, host, address.port or PORTS.get(address.scheme))
