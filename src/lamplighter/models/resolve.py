"""From the name in an agent file to a model that answers.

Names are pydantic-ai's, ``provider:model``, and besides: ``local`` for the embedded model,
``scripted:FILE.yaml``, and ``NAME:model`` for an endpoint of ``[providers.NAME]`` in
``lamplighter.toml``. Without any name the first of these serves: a provider whose key is set, a
running Ollama, the embedded model.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamplighter.config import Provider, Settings
from lamplighter.endpoints import FLAVORS, OLLAMA_URL, advise, make_client, read_secrets
from lamplighter.errors import LamplighterError, ModelUnavailable
from lamplighter.workspace import model_providers

if TYPE_CHECKING:
    from pydantic_ai.models import Model

LOCAL = "local"
SCRIPTED = "scripted:"
LABEL_LOCAL = "small local model"
LABEL_SCRIPTED = "scripted"

KEYS = {
    "ANTHROPIC_API_KEY": "anthropic:claude-sonnet-5-5",
    "OPENAI_API_KEY": "openai:gpt-5.6-terra",
    "GEMINI_API_KEY": "google:gemini-3.8-flash",
    "GOOGLE_API_KEY": "google:gemini-3.8-flash",
    "OPENROUTER_API_KEY": "openrouter:auto",
}
"""Which model serves when nobody named one, by the key that is set; the first one wins."""

RENAMED = {"google-gla": "google", "google-vertex": "google-cloud"}
"""Older names of providers, still in many people's files."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A model that is ready to answer.

    Attributes:
        name: As recorded on the run.
        model: What answers.
        label: Shown wherever the run is shown; empty for ordinary models.
    """

    name: str
    model: "Model"
    label: str = ""


def choose_model(named: str | None, settings: Settings) -> str:
    """The name of the model for an agent that names ``named``; asks Ollama if it must."""
    providers = model_providers(settings)
    chosen = settings.model_override or named or settings.model or providers.default
    if chosen:
        return chosen if chosen == LOCAL else providers.complete(chosen)
    for key, model in KEYS.items():
        if os.environ.get(key):
            return model
    return _ollama_model() or LOCAL


def resolve_model(name: str, settings: Settings, *, agent: str) -> Resolved:
    """The model called ``name``, for a run of ``agent``.

    Raises:
        ModelUnavailable: Unknown, without its key, or not installed.
        InvalidInput: A script that cannot be read.
    """
    if name == LOCAL:
        from lamplighter.models.local import local_model

        return Resolved(name, local_model(settings), LABEL_LOCAL)
    if name.startswith(SCRIPTED):
        from lamplighter.models.scripted import read_script, scripted_model

        script = read_script(_script_path(name, settings))
        return Resolved(name, scripted_model(script, agent), LABEL_SCRIPTED)
    provider, _, model = name.partition(":")
    if endpoint := model_providers(settings).providers.get(provider):
        return Resolved(name, _model_of(endpoint, provider, model))
    known = f"{RENAMED.get(provider, provider)}:{model}" if model else name
    return Resolved(name, _known_model(known, name))


def list_models(settings: Settings) -> list[str]:
    """The models that could serve here: the default, those whose key is set, the local one."""
    from lamplighter.models.weights import find_weights

    keyed = [model for key, model in KEYS.items() if os.environ.get(key)]
    local = [LOCAL] if find_weights(settings) else []
    return list(dict.fromkeys([choose_model(None, settings), *keyed, *local]))


def problem_with(name: str | None, settings: Settings) -> str | None:
    """Why ``name`` could not serve here and now, for ``agent validate``; ``None`` if it can."""
    try:
        resolve_model(choose_model(name, settings), settings, agent="")
    except LamplighterError as error:
        return str(error)
    return None


def _script_path(name: str, settings: Settings) -> Path:
    path = settings.workspace / name.removeprefix(SCRIPTED)
    return path if path.exists() else Path(name.removeprefix(SCRIPTED)).absolute()


def _model_of(provider: Provider, name: str, model: str) -> "Model":
    """A model of a provider that the workspace names, with its key and headers."""
    from pydantic_ai.settings import ModelSettings

    key, headers = read_secrets(provider, name)
    kind = FLAVORS[provider.flavor]
    if provider.base_url and kind in ("openai", "openrouter", "vercel"):
        kind = "openai-chat"  # what stands in for them speaks the older protocol
    found = _infer(f"{kind}:{model}", f"{name}:{model}", lambda _: make_client(provider, kind, key))
    if headers:
        found._settings = ModelSettings(extra_headers=headers)
    return found


def _known_model(name: str, written: str) -> "Model":
    if name.startswith("ollama:"):
        os.environ.setdefault("OLLAMA_BASE_URL", OLLAMA_URL)
    return _infer(name, written)


def _infer(name: str, written: str, *client: Callable[[str], Any]) -> "Model":
    from pydantic_ai.exceptions import UserError
    from pydantic_ai.models import infer_model

    try:
        return infer_model(name, *client)
    except UserError as error:
        raise ModelUnavailable(f"model {written!r} {advise(error)}") from error
    except ImportError as error:
        raise ModelUnavailable(f"model {written!r} needs a further package: {error}") from error


def _ollama_model() -> str | None:
    """The first model of an Ollama that is running here, if one is."""
    import httpx

    url = os.environ.get("OLLAMA_BASE_URL", OLLAMA_URL)
    try:
        answer = httpx.get(f"{url}/models", timeout=0.5).raise_for_status()
        models = answer.json()["data"]
        return f"ollama:{models[0]['id']}" if models else None
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None
