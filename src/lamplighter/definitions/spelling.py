"""Guesses at what somebody meant."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean X?`` for the known word that is nearest to ``word``, or nothing."""
    by_key = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), by_key, n=1, cutoff=0.6)
    return f"did you mean {by_key[close[0]]}?" if close else ""


def hint_at(word: str, known: Iterable[str], kind: str) -> str:
    """The nearest known word, and the list of all: ``did you mean a? Tools are: a, b``."""
    names = sorted(known)
    listed = f"{kind} are: {', '.join(names)}" if names else f"there are no {kind.lower()}"
    guess = did_you_mean(word, names)
    return f"{guess} {listed}" if guess else listed
