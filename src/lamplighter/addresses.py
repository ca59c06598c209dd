"""E-mail addresses. Pure."""

import re
from collections.abc import Iterable

from lamplighter.errors import InvalidInput

LONGEST = 254
"""Characters of an address (RFC 5321, 4.5.3.1)."""

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
"""The part before the ``@``: dot-atom (RFC 5322, 3.2.3); neither quoted nor beyond ASCII."""


def read_address(text: str) -> str:
    """An e-mail address, its domain in ASCII and small letters.

    Raises:
        InvalidInput: It is none, or one that not every server takes.
    """
    local, at, domain = text.strip().rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or len(local) > 64:
        raise InvalidInput(f"{text.strip()[:80]!r} is no e-mail address", hint="like ann@x.org")
    address = f"{local}@{_read_domain(domain)}"
    if len(address) > LONGEST:
        raise InvalidInput(f"an e-mail address has {LONGEST} characters at most")
    return address


def read_recipient(text: str) -> str:
    """An address, or a domain (``x.org``, ``@x.org``), in one way of writing it.

    Raises:
        InvalidInput: It is neither.
    """
    text = text.strip()
    return read_address(text) if "@" in text[1:] else _read_domain(text.removeprefix("@"))


def read_addresses(texts: Iterable[str]) -> list[str]:
    """Addresses, each once, in order.

    Raises:
        InvalidInput: One is none.
    """
    found = {folded(address): address for address in map(read_address, texts)}
    return list(found.values())


def domain_of(address: str) -> str:
    """The part behind the ``@``."""
    return address.rpartition("@")[2]


def _read_domain(text: str) -> str:
    import idna

    try:
        domain = idna.encode(text.removesuffix("."), uts46=True, std3_rules=True)
    except idna.IDNAError as error:
        raise InvalidInput(f"{text[:80]!r} is no domain", hint="like x.org") from error
    return domain.decode("ascii").lower()


def folded(address: str) -> str:
    """What is equal for equal addresses: capitals mean nothing, in practice."""
    return address.casefold()
