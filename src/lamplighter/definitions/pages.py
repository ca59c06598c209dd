"""Which addresses of the web an agent may fetch, and which of them its file has fixed. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from lamplighter.errors import InvalidInput

_WRITTEN = re.compile(r"https?://[^\s<>\"'`()\[\]{}|*]+")
_WAYS_UP = re.compile(r"(?:\.|%2e){2}|\\|%5c", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of an agent.

    Attributes:
        allowed: All that it may fetch: whole addresses, or beginnings with a ``*`` after them;
            ``None``: whatever is public.
        written: Whole addresses that stand in its instructions.
    """

    allowed: tuple[str, ...] | None = None
    written: frozenset[str] = frozenset()

    def admits(self, url: str) -> bool:
        """Whether it may be fetched at all."""
        return self.allowed is None or self.fixes(url)

    def fixes(self, url: str) -> bool:
        """Whether the agent's file has decided on it, so that it tells nobody anything new."""
        return any(_fits(entry, url) for entry in (*self.written, *(self.allowed or ())))


EVERYTHING = Pages()
"""Whatever is public."""


def _fits(entry: str, url: str) -> bool:
    if not entry.endswith("*"):
        # One slash at the end says nothing; any number of them could.
        return url.removesuffix("/") == entry.removesuffix("/")
    return url.startswith(entry[:-1]) and not _WAYS_UP.search(url)


def find_pages(text: str) -> frozenset[str]:
    """The whole addresses that stand in a text."""
    return frozenset(found.rstrip(".,;:!?") for found in _WRITTEN.findall(text))


def read_page(text: str) -> str:
    """Read one entry of ``fetch: {allow: [...]}``.

    Raises:
        InvalidInput: It is none.
    """
    hint = "like https://example.org/feed.xml, or https://example.org/* for all below it"
    parts = urlsplit(text.removesuffix("*"))
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise InvalidInput(f"{text!r} is no address of the web", hint=hint)
    if "*" in text[:-1] or (text.endswith("*") and not parts.path.startswith("/")):
        raise InvalidInput(f"{text!r} has its * at a wrong place", hint=hint)
    return text
