"""Text → terms, the words of the index: one analyser for both databases. Pure.

Words are compared by their English stems, without accents and capitals. What is joined, like
``user_repository``, ``getUserById``, ``1.2.3`` or ``ann@x.org``, is kept whole and taken apart.
Scripts without spaces become pairs of characters. A term has no spaces and no quotes in it, so
each database can take it as it is.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from Stemmer import Stemmer

LONGEST = 64
"""Characters of a term; what is longer is found by its beginning."""

_STOP = (
    "a about an and are as at be but by can could did do does for from had has have he how i if in "
    "into is it its not of on or she should that the their then there these they this to was we "
    "were what when where which who why will with would you"
)
STOP_WORDS = frozenset(_STOP.split())

_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_JOINED = "_.@+#-"
_TOKEN = re.compile(
    rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+(?:[{_JOINED}][^\W_{_UNSPACED}]+)*[+#]*", re.UNICODE
)
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_JOINT = re.compile(f"[{_JOINED}]+")
_HUMP = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_SPECIAL = str.maketrans({"ß": "ss", "\u0131": "i", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"})
"""Letters that Unicode does not take apart into a letter and an accent."""

_VERSION = re.compile(r"v\d")

_stemmer = Stemmer("english", 0)  # without a cache of its own, so threads may share it


def index_terms(text: str) -> list[str]:
    """The terms of a document's text, in their order; a whole stands before its parts."""
    found: list[str] = []
    for token in tokens(text):
        found += _index_terms(token)
    return found


def query_terms(text: str) -> list[str]:
    """The terms of a query. One that ends in ``*`` stands for all that begin so."""
    found: list[str] = []
    for token in tokens(text):
        found += token_terms(token)
    return found


def tokens(text: str) -> list[str]:
    """The words as they stand in the text."""
    return _TOKEN.findall(unicodedata.normalize("NFC", text))


def is_unspaced(term: str) -> bool:
    """Whether a term is of a script without spaces."""
    return bool(_IS_UNSPACED.match(term))


@lru_cache(maxsize=100_000)
def token_terms(token: str) -> tuple[str, ...]:
    """The terms that a single word of a query, or of a text, is compared by."""
    if is_unspaced(token):
        return _pairs(unicodedata.normalize("NFKC", token))
    return tuple(dict.fromkeys(_spaced(token)))


@lru_cache(maxsize=100_000)
def _index_terms(token: str) -> tuple[str, ...]:
    found = token_terms(token)
    if is_unspaced(token):
        # With its last character too, each character of the run begins a term.
        return (*(term for term in found if not term.endswith("*")), token[-1])
    return found


def _pairs(run: str) -> tuple[str, ...]:
    if len(run) == 1:
        return (f"{run}*",)
    return tuple(run[place : place + 2] for place in range(len(run) - 1))


def _spaced(token: str) -> Iterator[str]:
    parts = [part for part in _JOINT.split(token) if part]
    if parts != [token]:
        whole = fold(token)[:LONGEST]
        yield whole
        if _VERSION.match(whole):
            yield whole[1:]  # v1.2.3 is also 1.2.3
    for part in parts:
        yield from _stemmed(part)
        humps = _HUMP.findall(part)
        if len(humps) > 1 and not (part.islower() or part.isupper() or part.istitle()):
            for hump in humps:
                if len(hump) > 1:
                    yield from _stemmed(hump.lower())


def _stemmed(word: str) -> Iterator[str]:
    folded = fold(word)[:LONGEST]
    # In capitals it is no stop word but an acronym: IT, WHO.
    if folded and (folded not in STOP_WORDS or (word.isupper() and len(word) > 1)):
        yield _stemmer.stemWord(folded) if folded.isascii() else folded


def fold(text: str) -> str:
    """Without accents and capitals."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.translate(_SPECIAL))
    return "".join(letter for letter in apart if not unicodedata.combining(letter)).casefold()
