"""The URLs that an agent may call. Pure."""

from urllib.parse import urlsplit

from lamplighter.secrets import REFERENCE


def is_webhook(url: str) -> bool:
    """Whether a text is a URL of the web, or where one is to be found (``env:NAME``)."""
    url = url.strip()
    if url.startswith(REFERENCE):
        return len(url) > len(REFERENCE)
    try:
        parts = urlsplit(url)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and url.isprintable()
    except ValueError:
        return False
