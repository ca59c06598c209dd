"""Values that must never be shown: read from ``env:NAME``, and known to whoever redacts."""

import os

from lamplighter.errors import InvalidSettings

REFERENCE = "env:"
known: dict[str, str] = {}
"""Secrets that stood in files, by what to show in their place."""


def reveal(value: str, *, name: str) -> str:
    """The secret that ``value`` is, or refers to as ``env:NAME``.

    Args:
        value: As it stands in a file.
        name: What to show wherever the secret would be seen.

    Raises:
        InvalidSettings: The variable is not set.
    """
    if not value.startswith(REFERENCE):
        if value:
            known[name] = value
        return value
    variable = value.removeprefix(REFERENCE)
    if not os.environ.get(variable):
        raise InvalidSettings(f"{variable} is not set; {name} refers to it", hint="put it in .env")
    known[variable] = os.environ[variable]
    return os.environ[variable]
