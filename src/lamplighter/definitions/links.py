"""Addresses of the web in what comes in and in what goes out. Pure.

Whoever opens one tells its server what it says, and some mail programs, scanners and chats open
addresses by themselves. So one that a run has put together could carry something out; one that it
has been told as it is says nothing but that it was chosen.
"""

import re
from collections.abc import Iterator
from typing import Any

_BEGINS = re.compile(r"(?:https?|ftp)://|\bwww\.", re.IGNORECASE)
_BETWEEN = re.compile(r"\]\(|\|")
"""What stands between a link and its text in Markdown, or between cells of a table."""

_AROUND = "()[]{}<>\"'`*_~.,;:!?|\\"
_MOST_MARKS = 6
_ENDS = re.compile(r"\]\(|[\s()\[\]{}<>\"'`|\\]")


def find_links(value: Any) -> set[str]:
    """The addresses in JSON that leaves: of each as much as any program could take for its part."""
    return {link for text in _texts(value) for word in text.split() for link in _in_word(word)}


def learn_links(value: Any) -> set[str]:
    """The addresses in JSON that has come in, by whatever they may end."""
    texts = list(_texts(value))
    parts = (part for text in texts for part in _ENDS.split(text))
    short = {part[begin.start() :] for part in parts if (begin := _BEGINS.search(part))}
    return {link.strip(_AROUND) for link in short} | find_links(texts)


def _in_word(word: str) -> Iterator[str]:
    if not _BEGINS.search(word):
        return
    found = False
    for part in _BETWEEN.split(word):
        if begin := _BEGINS.search(part):
            found = True
            yield _cut(part[begin.start() :])
        elif found and part.strip(_AROUND):
            yield word  # it goes on after an address, where some programs would see no end of it


def _cut(link: str) -> str:
    """Without a few marks behind it; many of them could say something themselves."""
    cut = link.rstrip(_AROUND)
    return cut if len(link) - len(cut) <= _MOST_MARKS else link


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for key, each in value.items():
                yield from _texts(key)
                yield from _texts(each)
        case list() | tuple() | set():
            for each in value:
                yield from _texts(each)
