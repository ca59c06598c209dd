"""What commands print: JSON and tables on stdout, problems on stderr."""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from lamplighter.definitions.hidden import HIDDEN

if TYPE_CHECKING:
    from lamplighter.definitions.agent import Problem

# Control characters could steer the reader's terminal; the others could hide text.
_UNPRINTABLE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{HIDDEN}]")
_UNLIMITED = 100_000


def printable(text: object) -> str:
    """``text`` with nothing in it that could steer a terminal."""
    return _UNPRINTABLE.sub("\ufffd", str(text))


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """Print one JSON document on stdout; ``indent=None`` puts it on one line."""
    click.echo(printable_json(json.dumps(value, indent=indent, ensure_ascii=False)))


def printable_json(text: str) -> str:
    """The same JSON, in which what could steer a terminal is written with its number."""
    return _UNPRINTABLE.sub(lambda found: json.dumps(found[0])[1:-1], text)


def print_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on stdout; ``None`` is an empty cell.

    On a terminal, long cells are wrapped; elsewhere every row is one line, however long.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for header in headers:
        table.add_column(header, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else printable(cell)) for cell in row))
    width = None if sys.stdout.isatty() else _UNLIMITED
    Console(width=width, markup=False, highlight=False, emoji=False).print(table)


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print names and values on stdout, one a line, aligned; ``None`` leaves a line out.

    Further lines of a value are indented, so that none looks like a field.
    """
    shown = [(name, value) for name, value in fields if value is not None]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"{name:<{width}}  {indented(value, width + 2)}")


def indented(text: object, by: int) -> str:
    """``printable`` text, every line but the first moved to the right."""
    return printable(text).replace("\n", "\n" + " " * by)


def print_problems(problems: Iterable["Problem"]) -> None:
    """Print problems on stderr, one a line, like a compiler does."""
    for problem in problems:
        click.echo(describe_problem(problem), err=True)


def describe_problem(problem: "Problem") -> str:
    """A problem as one line that no control character can disturb."""
    return printable(str(problem))


def problem_data(problem: "Problem") -> dict[str, object]:
    """A problem as JSON data."""
    return {
        "level": problem.level,
        "message": problem.message,
        "file": problem.place.file,
        "line": problem.place.line,
        "field": problem.place.field,
        "hint": problem.hint,
    }
