"""``config/models.json``: providers with their keys, and the model that serves by default."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from lamplighter.config import Provider
from lamplighter.definitions.agent import Problem
from lamplighter.definitions.rowboat.document import Document, read_json

_NAMES = {"flavor": "flavor", "apiKey": "api_key", "baseURL": "base_url", "headers": "headers"}


@dataclass(frozen=True, slots=True)
class Models:
    """What the file says.

    Attributes:
        providers: By their ids.
        provider: The one that names of models without a provider belong to.
        model: What serves when nobody named one; without its provider.
        problems: What is wrong with the file.
    """

    providers: Mapping[str, Provider] = field(default_factory=lambda: MappingProxyType({}))
    provider: str | None = None
    model: str | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def default(self) -> str | None:
        """``provider:model``, if the file names one."""
        return f"{self.provider}:{self.model}" if self.provider and self.model else None

    def complete(self, name: str) -> str:
        """The name of a model, with the provider that it belongs to."""
        return name if ":" in name or not self.provider else f"{self.provider}:{name}"


def read_models(text: str, file: str) -> Models:
    """Read the file, of version 1 or 2; a bad provider stops no other."""
    document = read_json(text, file)
    content = document.content if isinstance(document.content, dict) else {}
    given = content.get("providers")
    providers = _read_providers(document, given if isinstance(given, dict) else {}, "providers.")
    if isinstance(first := content.get("provider"), dict):  # version 1
        name = str(first.get("flavor", ""))
        providers |= _read_providers(document, {name: first}, "")
        chosen: dict[str, Any] = {"provider": name, "model": content.get("model")}
    else:
        assistant = content.get("assistantModel")
        chosen = assistant if isinstance(assistant, dict) else {}
    provider = chosen.get("provider") or (next(iter(providers)) if len(providers) == 1 else None)
    model = chosen.get("model")
    return Models(
        MappingProxyType(providers),
        provider if isinstance(provider, str) else None,
        model if isinstance(model, str) else None,
        tuple(document.problems),
    )


def _read_providers(document: Document, given: dict[str, Any], at: str) -> dict[str, Provider]:
    found = {}
    for name, entry in given.items():
        if not isinstance(entry, dict):
            document.tell(f"the provider {name!r} is no JSON object", f"{at}{name}")
            continue
        values = {ours: entry[key] for key, ours in _NAMES.items() if entry.get(key) is not None}
        try:
            found[name] = Provider(**values)
        except ValidationError as error:
            detail = error.errors(include_input=False)[0]  # the input may be a key
            field_ = ".".join(str(part) for part in detail["loc"])
            message = str(detail["msg"]).removeprefix("Value error, ")
            document.tell(f"the provider {name!r}: {field_} {message}", f"{at}{name}")
    return found
