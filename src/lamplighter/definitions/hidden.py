"""Characters that nobody sees, or that make a text look like another. Pure.

A model reads them all the same: so what a stranger says in them, people would not notice (Unicode
Technical Standard 39; Boucher and Anderson, Trojan Source, 2021).
"""

import re

HIDDEN = (
    # Those of direction could show a text as another;
    "\u202a-\u202e\u2066-\u2069"
    # and what has no width, tags and selectors could say something.
    "\u00ad\u200b\u2060-\u2064\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff"
)
"""As a part of a class of characters in a regular expression; joiners are not among them, which
several languages are written with."""

_HIDDEN = re.compile(f"[{HIDDEN}]")
_TAGS = re.compile("[\U000e0000-\U000e0fff]")


def without_hidden(text: str) -> str:
    """The text as people see it."""
    return _HIDDEN.sub("", text)


def without_tags(text: str) -> str:
    """The text without what is only ever meant for machines."""
    return _TAGS.sub("", text)


def reveal_hidden(text: str) -> str:
    """The text with the numbers of such characters, as Python writes them."""
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
