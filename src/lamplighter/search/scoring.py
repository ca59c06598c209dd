"""BM25 (Robertson & Zaragoza, 2009). Pure."""

import math
from typing import TypeVar

SATURATION, LENGTH = 1.2, 0.75
"""k1 and b, as FTS5 has them."""

T = TypeVar("T")


def rarity(total: int, holding: int) -> float:
    """What a word is worth that so many of all documents hold."""
    return math.log(1 + max(total - holding + 0.5, 0.0) / (holding + 0.5))


def score(count: T, length: T, mean: float) -> T:
    """What is counted of a word that stands so often in a document; numbers or arrays.

    Args:
        count: How often.
        length: Of the document, in words.
        mean: Length of a document.
    """
    relative = 1 - LENGTH + LENGTH * length / max(mean, 1.0)  # type: ignore[operator]
    scored: T = count * (SATURATION + 1) / (count + SATURATION * relative)  # type: ignore[operator]
    return scored
