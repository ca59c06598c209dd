"""Which hosts an agent's commands may reach: ``network: {allow: [...]}``. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lamplighter.errors import InvalidInput

WEB_PORTS = (80, 443)
"""What a host without a port means."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PATTERN = re.compile(rf"(\*\.)?({_LABEL}(?:\.{_LABEL})*)(?::([0-9]{{1,5}}))?")


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """One entry of an allow-list.

    Attributes:
        name: In lower case, in ASCII.
        with_subdomains: ``*.name``: every host below ``name``, and not ``name`` itself.
        port: Only this one; ``None``: those of the web.
    """

    name: str
    with_subdomains: bool = False
    port: int | None = None

    def admits(self, host: str, port: int) -> bool:
        """Whether a host may be reached on a port."""
        host = host.lower().removesuffix(".")
        named = host.endswith(f".{self.name}") if self.with_subdomains else host == self.name
        return named and (port == self.port if self.port else port in WEB_PORTS)

    def __str__(self) -> str:
        """As it is written in a file."""
        port = f":{self.port}" if self.port else ""
        return f"{'*.' * self.with_subdomains}{self.name}{port}"


def read_host(text: str) -> AllowedHost:
    """Read one entry: ``host``, ``*.host``, ``host:port``.

    Raises:
        InvalidInput: It is none.
    """
    hint = "like example.org, *.example.com or example.com:8443"
    try:
        plain = text.strip().lower().encode("idna").decode() if not text.isascii() else text
    except UnicodeError as error:
        raise InvalidInput(f"{text!r} is no host", hint=hint) from error
    match = _PATTERN.fullmatch(plain.strip().lower())
    if not match or not 0 < int(match[3] or 443) < 65536:
        raise InvalidInput(f"{text!r} is no host", hint=hint)
    if match[1] and "." not in match[2]:
        raise InvalidInput(f"{text!r} allows far too much", hint=hint)
    return AllowedHost(match[2], bool(match[1]), int(match[3]) if match[3] else None)


def admits(allowed: Iterable[AllowedHost], host: str, port: int) -> bool:
    """Whether any entry admits it."""
    return any(entry.admits(host, port) for entry in allowed)
