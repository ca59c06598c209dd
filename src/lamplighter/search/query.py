"""The language of queries: words, "phrases", ``-not``, and operators. Pure.

``in:SOURCE`` ``from:NAME`` (or ``by:``) ``type:KIND`` ``after:DAY`` ``before:DAY``
``since:last_run``.
Anything that anybody types is a query: what is not understood is a word to look for.
"""

import re
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date

from lamplighter.terms import query_terms

LONGEST = 2_000
"""Characters of a query that count."""

MOST_TERMS = 32

_PART = re.compile(r'(-?)(?:([A-Za-z]+):)?(?:"([^"]*)"?|([^\s"]+))')
_DAY = re.compile(r"(\d{4})(?:-(\d\d?))?(?:-(\d\d?))?")
_AGO = re.compile(r"(\d{1,4})([dwmy])")
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}
_NAMED = {"today": 0, "yesterday": 1}


@dataclass(slots=True)
class Query:
    """What somebody looks for.

    Attributes:
        words: Any of them makes a document a result, the more the better.
        phrases: Terms that must stand in this order, each of them.
        excluded: Terms, in this order, that must not.
        sources: From one of these.
        authors: By one of these: a part of a name or an address.
        kinds: Of one of these.
        after: The first day that counts, a day of UTC.
        before: The last day that counts.
        since_last_run: Only what the index got since the reader's last run.
        plain: Words and phrases as they were typed.
    """

    words: list[str] = field(default_factory=list)
    phrases: list[tuple[str, ...]] = field(default_factory=list)
    excluded: list[tuple[str, ...]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    authors: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    after: date | None = None
    before: date | None = None
    since_last_run: bool = False
    plain: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether it asks for nothing at all."""
        asked = (self.plain, self.excluded, self.sources, self.authors, self.kinds)
        return not (any(asked) or self.after or self.before or self.since_last_run)

    @property
    def terms(self) -> list[str]:
        """All terms that results are ranked and highlighted by."""
        phrased = (term for phrase in self.phrases for term in phrase)
        return list(dict.fromkeys([*self.words, *phrased]))[:MOST_TERMS]


def parse_query(text: str, today: date) -> Query:
    """Read a query; there are no errors."""
    query = Query()
    # The index can hold neither lone surrogates nor NUL.
    plain = text[:LONGEST].encode("utf-8", "replace").decode().replace("\0", " ")
    spoken: list[str] = []
    for match in _PART.finditer(plain):
        minus, name, phrase, word = match.groups()
        value = phrase if phrase is not None else word
        if name and not minus and _take(query, name.lower(), value, today):
            continue
        whole = f"{name}:{value}" if name else value
        terms = tuple(query_terms(whole))[:MOST_TERMS]
        if minus:
            query.excluded += [terms] if terms else []
            continue
        if any(letter.isalnum() for letter in whole):
            spoken.append(whole)
        if phrase is not None and not name and len(terms) > 1:
            query.phrases.append(terms)
        else:
            query.words += terms
    query.words = list(dict.fromkeys(query.words))[:MOST_TERMS]
    query.plain = " ".join(spoken)
    return query


def split_operators(text: str, today: date) -> list[tuple[str, str, str]]:
    """The operators of a query: each with its value, and the query without it."""
    found = []
    for match in _PART.finditer(text[:LONGEST]):
        minus, name, phrase, word = match.groups()
        value = phrase if phrase is not None else word
        if name and not minus and _take(Query(), name.lower(), value, today):
            rest = f"{text[: match.start()]} {text[match.end() :]}"
            found.append((name.lower(), value, " ".join(rest.split())))
    return found


def read_day(text: str, today: date, *, end: bool = False) -> date | None:
    """A day, from ``2026-10-05``, ``2026-10``, ``2026``, ``today``, ``yesterday`` or ``7d``.

    Args:
        text: What somebody wrote.
        today: What they call today.
        end: Whether a month or a year means its last day, and not its first.
    """
    ago = _AGO.fullmatch(text)
    if text in _NAMED or ago:
        days = int(ago[1]) * _DAYS[ago[2]] if ago else _NAMED[text]
        return date.fromordinal(max(today.toordinal() - days, 1))
    if not (match := _DAY.fullmatch(text)):
        return None
    year, month, day = (int(part) if part else 0 for part in match.groups())
    try:
        last_month = month or (12 if end else 1)
        last_day = monthrange(year, last_month)[1] if end else 1
        return date(year, last_month, day or last_day)
    except ValueError:
        return None


def _take(query: Query, name: str, value: str, today: date) -> bool:
    """Whether it is an operator with a value that makes sense, which is then in the query."""
    folded = value.strip().casefold()
    if not folded:
        return False
    match name:
        case "in":
            query.sources.append(value.strip())
        case "from" | "by":
            query.authors.append(folded)
        case "type":
            query.kinds.append(folded)
        case "after" if day := read_day(folded, today):
            query.after = max(query.after or day, day)
        case "before" if day := read_day(folded, today, end=True):
            query.before = min(query.before or day, day)
        case "since" if folded == "last_run":
            query.since_last_run = True
        case _:
            return False
    return True
