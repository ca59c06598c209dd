"""Figures, and the table that shows them."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value.

    Attributes:
        name: What was measured.
        value: In ``unit``.
        target: The value should be at most this; ``None`` if there is no such target.
        at_least: The value should be at least this; ``None`` if there is no such target.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    at_least: float | None = None

    @property
    def verdict(self) -> str:
        """How the value stands to its target."""
        if self.target is not None:
            return f"≤ {self.target:g} {_say(self.value <= self.target)}"
        if self.at_least is not None:
            return f"≥ {self.at_least:g} {_say(self.value >= self.at_least)}"
        return ""


def _say(met: bool) -> str:
    return "[green]met[/]" if met else "[red]missed[/]"


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that ``percent`` of 100 values do not exceed, interpolated."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def tabulate(title: str, figures: Sequence[Figure]) -> Table:
    """A table of one bench's figures."""
    table = Table("figure", title=title, title_justify="left", min_width=72)
    table.add_column("value", justify="right")
    table.add_column("unit")
    table.add_column("target")
    for figure in figures:
        value = f"{figure.value:,.{0 if figure.value >= 1000 else 2}f}"
        table.add_row(figure.name, value, figure.unit, figure.verdict)
    return table
