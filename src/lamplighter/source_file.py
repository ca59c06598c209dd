"""The tables ``[sources.NAME]`` of ``lamplighter.toml``, written and removed in place."""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_origin

import tomlkit
from pydantic import BaseModel, TypeAdapter, ValidationError

from lamplighter.config import CONFIG_FILE
from lamplighter.errors import Conflict, InvalidInput, NotFound, Place
from lamplighter.source_config import MISPLACED_SECRET, TYPES, AccessRule, Source

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.IGNORECASE)
MODELS: tuple[type[BaseModel], ...] = (*TYPES.values(), AccessRule)
LISTS = {
    name
    for model in MODELS
    for name, field in model.model_fields.items()
    if get_origin(field.annotation) is tuple
}
"""Keys whose values are lists, so that ``a,b`` means two."""


def read_pairs(pairs: Iterable[str]) -> dict[str, Any]:
    """A table from ``key=value`` and ``table.key=value``, with values as in TOML or bare.

    Raises:
        InvalidInput: One is no pair.
    """
    table: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise InvalidInput(f"{pair!r} is no setting", hint="write key=value, like path=notes")
        *above, last = key.split(".")
        inner = table
        for name in above:
            inner = inner.setdefault(name, {})
        inner[last] = _value(last, value)
    return table


def add_source(workspace: Path, name: str, table: Mapping[str, Any]) -> None:
    """Write a table for a new source at the end of ``lamplighter.toml``.

    Raises:
        Conflict: There is a source of this name.
        InvalidInput: The name or a setting is impossible; nothing is written.
    """
    if not NAME.fullmatch(name):
        raise InvalidInput(f"{name!r} is no name", hint="use letters, digits, - and _")
    try:
        TypeAdapter(Source).validate_python(dict(table))
    except ValidationError as error:
        raise _explained(name, error) from error
    document = _read(workspace)
    if name in document.get("sources", {}):
        raise Conflict(f"there is a source {name!r} already; change it in {CONFIG_FILE}")
    document.setdefault("sources", tomlkit.table(is_super_table=True))[name] = tomlkit.item(table)
    _write(workspace, tomlkit.dumps(document))


def write_settings(workspace: Path, values: Mapping[str, Any]) -> None:
    """Write settings at the top of ``lamplighter.toml``; ``None`` takes one out."""
    document = _read(workspace)
    for name, value in values.items():
        if value is not None:
            document[name] = value
        elif name in document:
            del document[name]
    _write(workspace, tomlkit.dumps(document))


def remove_source(workspace: Path, name: str) -> None:
    """Take a source's table out of ``lamplighter.toml``.

    Raises:
        NotFound: There is none.
    """
    document = _read(workspace)
    if name not in document.get("sources", {}):
        raise NotFound(f"no source {name!r} in {CONFIG_FILE}")
    del document["sources"][name]
    if not document["sources"]:
        del document["sources"]
    _write(workspace, tomlkit.dumps(document))


def _value(key: str, value: str) -> Any:
    try:
        found: Any = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        found = value
    if key in LISTS and not isinstance(found, list):
        return [part.strip() for part in value.split(",") if part.strip()]
    return found


def _explained(name: str, error: ValidationError) -> InvalidInput:
    detail = error.errors()[0]
    field = ".".join(str(part) for part in detail["loc"][1:])
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == MISPLACED_SECRET:
        message = "a secret is not written into the settings; you are asked for it"
    return InvalidInput(message, place=Place(None, None, f"sources.{name}.{field}".rstrip(".")))


def _read(workspace: Path) -> tomlkit.TOMLDocument:
    file = workspace / CONFIG_FILE
    return tomlkit.parse(file.read_text("utf-8") if file.is_file() else "")


def _write(workspace: Path, text: str) -> None:
    """All of it or nothing, with the permissions that it had."""
    file = workspace / CONFIG_FILE
    beside = file.with_name(f".{CONFIG_FILE}.{os.getpid()}")
    beside.write_text(text, "utf-8")
    if file.exists():
        beside.chmod(file.stat().st_mode & 0o777)
    beside.replace(file)
