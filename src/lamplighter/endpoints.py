"""From a provider that the settings name to what speaks to it."""

import os
import re
from typing import Any

from lamplighter.config import Provider
from lamplighter.errors import InvalidSettings, ModelUnavailable
from lamplighter.secrets import reveal

OLLAMA_URL = "http://localhost:11434/v1"

FLAVORS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "google",
    "openrouter": "openrouter",
    "aigateway": "vercel",
    "ollama": "ollama",
    "openai-compatible": "openai-chat",
}
"""Flavors of providers, and what pydantic-ai calls them."""


def read_secrets(provider: Provider, name: str) -> tuple[str | None, dict[str, str]]:
    """The key and the headers of a provider.

    Raises:
        ModelUnavailable: A variable that they stand in is not set.
    """
    try:
        key = reveal(provider.api_key, name=f"key of {name}") if provider.api_key else None
        headers = {
            header: reveal(value, name=f"{header} of {name}")
            for header, value in provider.headers.items()
        }
    except InvalidSettings as error:
        raise ModelUnavailable(str(error)) from error
    return key, headers


def make_client(provider: Provider, kind: str, key: str | None) -> Any:
    """What speaks to the provider; without a key it takes that of the environment, if there is."""
    from pydantic_ai.providers import infer_provider_class

    given = {"api_key": key, "base_url": provider.base_url}
    if provider.flavor in ("openai-compatible", "ollama"):
        given["api_key"] = key or "none"
    if provider.flavor == "ollama":
        given["base_url"] = provider.base_url or os.environ.get("OLLAMA_BASE_URL", OLLAMA_URL)
    return infer_provider_class(kind)(**{name: value for name, value in given.items() if value})


def advise(error: Exception) -> str:
    """What a library says that cannot use a provider, and what to do about it."""
    if missing := re.search(r"`(\w+_(?:KEY|TOKEN))`", str(error)):
        return f"needs {missing[1]}; put it into .env"
    return f"cannot be used: {error}"
