"""BM25 (Robertson & Zaragoza, 2009). Pure."""

import math
from typing import Any

SATURATION, LENGTH = 1.2, 0.75
"""k1 and b, as FTS5 has them."""


def rarity(total: int, holding: int) -> float:
    """What a word is worth that so many of all documents hold."""
    return math.log(1 + max(total - holding + 0.5, 0.0) / (holding + 0.5))


def score(count: Any, length: Any, mean: float) -> Any:
    """What is counted of a word that stands so often in a document; numbers or arrays.

    Args:
        count: How often.
        length: Of the document, in words.
        mean: Length of a document.
    """
    relative = 1 - LENGTH + LENGTH * length / max(mean, 1.0)
    return count * (SATURATION + 1) / (count + SATURATION * relative)
