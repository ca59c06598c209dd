"""A piece of a document around what was found in it. Pure."""

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from lamplighter.terms import fold, token_terms, tokens

CHARACTERS = 240
LOOKED_AT = 100_000
"""Characters of a text that are searched for the best piece."""

PLACES = 8
"""Places of each word that are compared."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of a text, in one line.

    Attributes:
        text: The piece; what was left out before and after is an ellipsis.
        highlights: Where in it the words of the query are: start and end.
    """

    text: str
    highlights: tuple[tuple[int, int], ...] = ()

    def marked(self, before: str, after: str) -> str:
        """The text with every highlight between ``before`` and ``after``."""
        parts, place = [], 0
        for start, end in self.highlights:
            parts += [self.text[place:start], before, self.text[start:end], after]
            place = end
        return "".join([*parts, self.text[place:]])


def make_snippet(text: str, terms: Collection[str]) -> Snippet:
    """The piece of a text that has most of the terms, or its beginning."""
    looked = unicodedata.normalize("NFC", text[:LOOKED_AT])
    start = _best_start(looked, terms)
    piece = " ".join(looked[start : start + CHARACTERS].split())
    if start + CHARACTERS < len(looked) and " " in piece[CHARACTERS // 2 :]:
        piece = piece.rpartition(" ")[0]
    before = "… " if looked[:start].strip() else ""
    after = " …" if len(looked) > start + CHARACTERS else ""
    line = f"{before}{piece}{after}"
    return Snippet(line, tuple(_highlights(line, terms)))


def _best_start(text: str, terms: Collection[str]) -> int:
    # Lowering keeps places, but for a few letters that become two.
    lowered = text.lower() if text.isascii() else _fold_in_place(text)
    places = sorted((place, term) for term in terms for place in _places(lowered, term.rstrip("*")))
    best, start, last = 0, 0, 0
    near: Counter[str] = Counter()
    for place, term in places:
        near[term] += 1
        while places[last][0] < place - CHARACTERS * 3 // 4:
            near[places[last][1]] -= 1
            last += 1
        if (distinct := sum(count > 0 for count in near.values())) > best:
            best, start = distinct, places[last][0]
    lead = max(start - CHARACTERS // 5, 0)
    # Not from the middle of a word.
    return max(text.find(" ", lead, start) + 1, lead) if lead else 0


def _fold_in_place(text: str) -> str:
    folded = text.translate({ord(letter): _plain(letter) for letter in set(text)})
    return folded if len(folded) == len(text) else text.lower()


def _plain(letter: str) -> str:
    plain = fold(letter)
    return plain if len(plain) == 1 else letter


def _places(text: str, term: str) -> Iterator[int]:
    # A stem is mostly the beginning of its words: happi of happy, without its last letter.
    looked_for = term[:-1] if len(term) > 4 and term[-1] in "ie" else term
    place = text.find(looked_for)
    for _ in range(PLACES):
        if place < 0:
            return
        yield place
        place = text.find(looked_for, place + CHARACTERS // 4)


def _highlights(line: str, terms: Collection[str]) -> Iterator[tuple[int, int]]:
    wanted = set(terms)
    first = {term.rstrip("*") for term in terms if term.endswith("*")}
    place = 0
    for token in tokens(line):
        start = line.find(token, place)
        if start < 0:
            continue
        place = start + len(token)
        if not wanted.isdisjoint(token_terms(token)) or any(letter in token for letter in first):
            yield start, place
