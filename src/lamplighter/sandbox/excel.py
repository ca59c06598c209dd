"""``excel``: look into workbooks from the command line. It is a program of the toolbox.

Values are read by python-calamine, which is quick and reads xlsx, xlsb, xls and ods; formulas by
openpyxl, which reads xlsx. It stands alone: sandboxes have it, and nothing else of Lamplighter.
"""

import argparse
import csv
import json
import operator
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

Row = list[Any]
ROWS = 50
"""Rows that are shown unless more are asked for."""

EXAMPLES = """\
examples:
  excel inspect book.xlsx                        sheets and their sizes
  excel headers book.xlsx --sheet Sales
  excel schema book.xlsx                         columns, their types and examples
  excel rows book.xlsx --start 10 --count 20     rows as they are numbered in the sheet
  excel cell book.xlsx Sales!B7
  excel formulas book.xlsx --sheet Sales
  excel grep book.xlsx '(?i)total'               cells whose text matches
  excel filter book.xlsx 'Region = North' 'Amount > 100'
  excel to-csv book.xlsx --sheet Sales --output sales.csv
"""
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "contains": lambda value, part: str(part).casefold() in str(value).casefold(),
}
CONDITION = re.compile(r"\s*(.+?)\s*(<=|>=|!=|=|<|>|\bcontains\b)\s*(.*?)\s*", re.DOTALL)


class Problem(Exception):
    """Something that the caller has to mend; the message says what."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0, or 1 if it could not be done."""
    options = parse_arguments(arguments)
    try:
        options.run(options)
    except Problem as problem:
        print(f"excel: {problem}", file=sys.stderr)  # noqa: T201 -- a program prints
        return 1
    except (OSError, CalamineError) as error:
        print(f"excel: cannot read {options.file}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="excel",
        description="Look into workbooks.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[..., None], help_: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help_, description=help_)
        command.add_argument("file")
        command.add_argument("--sheet", help="its name; default: the first")
        command.set_defaults(run=run)
        return command

    add("inspect", inspect, "sheets and their sizes, as JSON")
    add("headers", headers, "the first row that is not empty")
    add("schema", schema, "columns with their types and examples, as JSON")
    rows = add("rows", show_rows, "rows as tab-separated text, with their numbers")
    rows.add_argument("--start", type=int, default=1, help="the first row; default: 1")
    rows.add_argument("--count", type=int, default=ROWS, help=f"default: {ROWS}")
    cell = add("cell", show_cell, "one cell: its value, and its formula if it has one")
    cell.add_argument("reference", help="like B7, or Sales!B7")
    add("formulas", formulas, "all cells with formulas (xlsx)")
    grep = add("grep", find_cells, "cells whose text matches, in all sheets unless one is named")
    grep.add_argument("pattern", help="a regular expression")
    choose = add("filter", filter_rows, "rows that meet all conditions, with the headers")
    choose.add_argument(
        "condition", nargs="+", help="'COLUMN OP VALUE'; OP: " + " ".join(OPERATORS)
    )
    to_csv = add("to-csv", write_csv, "a sheet as CSV")
    to_csv.add_argument("--output", help="a file; default: standard output")
    return parser.parse_args(arguments)


def inspect(options: argparse.Namespace) -> None:
    """Sheets and their sizes."""
    book = CalamineWorkbook.from_path(options.file)
    sheets = [
        {
            "sheet": name,
            "rows": len(rows := _read(book, name)),
            "columns": len(rows[0]) if rows else 0,
        }
        for name in _chosen(book, options.sheet, every=True)
    ]
    _print_json({"file": options.file, "sheets": sheets})


def headers(options: argparse.Namespace) -> None:
    """The names of the columns, one a line, each with its letter."""
    _, names, _ = _table(_sheet(options))
    for position, name in enumerate(names):
        _print_row([_letters(position), name])


def schema(options: argparse.Namespace) -> None:
    """What the columns hold."""
    _, names, rows = _table(_sheet(options))
    columns = []
    for position, name in enumerate(names):
        values = [row[position] for row in rows if row[position] != ""]
        kinds = sorted({type(value).__name__ for value in values})
        examples = [_text(value) for value in dict.fromkeys(values)][:3]
        columns.append(
            {
                "column": _letters(position),
                "name": _text(name),
                "types": kinds,
                "filled": len(values),
                "examples": examples,
            }
        )
    _print_json({"rows": len(rows), "columns": columns})


def show_rows(options: argparse.Namespace) -> None:
    """Some rows."""
    rows = _sheet(options)
    for number, row in islice(enumerate(rows, 1), max(options.start - 1, 0), None):
        if number >= options.start + options.count:
            break
        _print_row([number, *row])


def show_cell(options: argparse.Namespace) -> None:
    """One cell."""
    sheet, _, reference = options.reference.rpartition("!")
    match = re.fullmatch(r"\$?([A-Za-z]{1,3})\$?(\d+)", reference)
    if not match:
        raise Problem(f"{options.reference!r} is no cell; write it like B7, or Sales!B7")
    options.sheet = sheet.strip("'") or options.sheet
    rows, column, row = _sheet(options), _position(match[1]), int(match[2]) - 1
    inside = 0 <= row < len(rows) and column < len(rows[row])
    print(_text(rows[row][column]) if inside else "")  # noqa: T201
    wanted = f"{match[1].upper()}{match[2]}"
    if options.file.lower().endswith((".xlsx", ".xlsm")):
        for found, formula in _formulas(options.file, options.sheet):
            if found == wanted:
                print(formula)  # noqa: T201


def formulas(options: argparse.Namespace) -> None:
    """All formulas of a sheet."""
    for reference, formula in _formulas(options.file, options.sheet):
        _print_row([reference, formula])


def find_cells(options: argparse.Namespace) -> None:
    """Cells whose text matches."""
    try:
        pattern = re.compile(options.pattern)
    except re.error as error:
        raise Problem(f"{options.pattern!r} is no regular expression: {error}") from error
    book = CalamineWorkbook.from_path(options.file)
    for name in _chosen(book, options.sheet, every=True):
        for number, row in enumerate(_read(book, name), 1):
            for position, value in enumerate(row):
                if value != "" and pattern.search(_text(value)):
                    _print_row([f"{name}!{_letters(position)}{number}", value])


def filter_rows(options: argparse.Namespace) -> None:
    """Rows that meet all conditions."""
    first, names, rows = _table(_sheet(options))
    conditions = [_condition(text, names) for text in options.condition]
    _print_row(["row", *names])
    for number, row in enumerate(rows, first + 1):
        if all(holds(row) for holds in conditions):
            _print_row([number, *row])


def write_csv(options: argparse.Namespace) -> None:
    """A sheet as CSV."""
    rows = ([_text(value) for value in row] for row in _sheet(options))
    if not options.output:
        csv.writer(sys.stdout, lineterminator="\n").writerows(rows)
        return
    with open(options.output, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def _sheet(options: argparse.Namespace) -> list[Row]:
    book = CalamineWorkbook.from_path(options.file)
    [name] = _chosen(book, options.sheet)
    return _read(book, name)


def _chosen(book: CalamineWorkbook, sheet: str | None, *, every: bool = False) -> list[str]:
    names = book.sheet_names
    if sheet is not None and sheet not in names:
        raise Problem(f"there is no sheet {sheet!r}; there are: {', '.join(names)}")
    if sheet is not None:
        return [sheet]
    return names if every else names[:1]


def _read(book: CalamineWorkbook, name: str) -> list[Row]:
    """All rows from A1 on, so that positions are those of the sheet."""
    return [list(row) for row in book.get_sheet_by_name(name).to_python(skip_empty_area=False)]


def _table(rows: list[Row]) -> tuple[int, Row, list[Row]]:
    """The number of the header's row, the headers, and the rows below."""
    for number, row in enumerate(rows, 1):
        if any(value != "" for value in row):
            return number, row, rows[number:]
    raise Problem("the sheet is empty")


def _formulas(file: str, sheet: str | None) -> Iterator[tuple[str, str]]:
    import openpyxl

    try:
        book = openpyxl.load_workbook(file, read_only=True)
    except Exception as error:  # whatever is wrong with the file: the program has to say so
        raise Problem(f"formulas cannot be read from {file}: {error}") from error
    if sheet is not None and sheet not in book.sheetnames:
        raise Problem(f"there is no sheet {sheet!r}; there are: {', '.join(book.sheetnames)}")
    chosen = book[sheet] if sheet else book.worksheets[0]
    for row in chosen.iter_rows():
        for cell in row:
            if cell.data_type == "f":
                yield cell.coordinate, str(getattr(cell.value, "text", cell.value))


def _condition(text: str, names: Row) -> Callable[[Row], bool]:
    match = CONDITION.fullmatch(text)
    known = [_text(name) for name in names]
    if not match or match[1] not in known:
        raise Problem(f"{text!r} is no condition; write 'COLUMN OP VALUE' with: {', '.join(known)}")
    position, holds, wanted = known.index(match[1]), OPERATORS[match[2]], match[3]

    def check(row: Row) -> bool:
        value = row[position]
        if match[2] == "contains" or not isinstance(value, int | float):
            return holds(_text(value), wanted)
        try:
            return holds(value, float(wanted))
        except ValueError:
            return match[2] == "!="

    return check


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if not isinstance(value, timedelta) else f"{value.total_seconds():g} s"


def _print_row(values: Sequence[Any]) -> None:
    cells = (_text(value).replace("\t", " ").replace("\n", " ") for value in values)
    print("\t".join(cells))  # noqa: T201


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))  # noqa: T201


def _letters(position: int) -> str:
    letters = ""
    while position >= 0:
        letters = chr(ord("A") + position % 26) + letters
        position = position // 26 - 1
    return letters


def _position(letters: str) -> int:
    position = 0
    for letter in letters.upper():
        position = position * 26 + ord(letter) - ord("A") + 1
    return position - 1


if __name__ == "__main__":
    sys.exit(main())
