"""The toolbox's ``excel``: what is in a workbook, from the command line."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from lamplighter.sandbox.excel import main

Excel = Callable[..., str]


@pytest.fixture
def book(tmp_path: Path) -> str:
    workbook = openpyxl.Workbook()
    sales = workbook.active
    assert sales is not None
    sales.title = "Sales"
    sales.append([])
    for row in (
        ["Region", "Amount", "Day", "Net"],
        ["North", 100, date(2026, 10, 5), "=B3*0.8"],
        ["South", 250.5, date(2026, 10, 6), "=B4*0.8"],
        ["North", 7, None, None],
    ):
        sales.append(row)
    notes = workbook.create_sheet("Notes")
    notes["C3"] = "see\tNorth"
    file = tmp_path / "book.xlsx"
    workbook.save(file)
    return str(file)


@pytest.fixture
def excel(book: str, capsys: pytest.CaptureFixture[str]) -> Excel:
    def run(command: str, *arguments: str) -> str:
        code = main([command, book, *arguments])
        said = capsys.readouterr()
        assert code == (1 if said.err else 0)
        return said.err or said.out

    return run


def test_inspect_tells_the_sheets(excel: Excel, book: str) -> None:
    assert json.loads(excel("inspect")) == {
        "file": book,
        "sheets": [
            {"sheet": "Sales", "rows": 5, "columns": 4},
            {"sheet": "Notes", "rows": 3, "columns": 3},
        ],
    }


def test_headers_are_the_first_row_that_is_not_empty(excel: Excel) -> None:
    assert excel("headers") == "A\tRegion\nB\tAmount\nC\tDay\nD\tNet\n"


def test_schema_tells_types_and_examples(excel: Excel) -> None:
    schema = json.loads(excel("schema"))
    assert schema["rows"] == 3
    assert schema["columns"][1] == {
        "column": "B",
        "name": "Amount",
        "types": ["float"],
        "filled": 3,
        "examples": ["100", "250.5", "7"],
    }
    assert schema["columns"][2]["types"] == ["date"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rows", "--start", "3", "--count", "1"), "3\tNorth\t100\t2026-10-05\t\n"),
        (("cell", "B4"), "250.5\n"),
        (("cell", "Notes!C3"), "see\tNorth\n"),
        (("cell", "$D$3"), "\n=B3*0.8\n"),
        (("cell", "ZZ99"), "\n"),
        (("formulas",), "D3\t=B3*0.8\nD4\t=B4*0.8\n"),
        (("grep", "(?i)north"), "Sales!A3\tNorth\nSales!A5\tNorth\nNotes!C3\tsee North\n"),
        (("grep", "North", "--sheet", "Notes"), "Notes!C3\tsee North\n"),
        (
            ("filter", "Region = North", "Amount > 50"),
            "row\tRegion\tAmount\tDay\tNet\n3\tNorth\t100\t2026-10-05\t\n",
        ),
        (
            ("filter", "Day >= 2026-10-06"),
            "row\tRegion\tAmount\tDay\tNet\n4\tSouth\t250.5\t2026-10-06\t\n",
        ),
        (
            ("filter", "Region contains OUT"),
            "row\tRegion\tAmount\tDay\tNet\n4\tSouth\t250.5\t2026-10-06\t\n",
        ),
    ],
)
def test_what_is_asked_for_is_told(excel: Excel, arguments: tuple[str, ...], said: str) -> None:
    assert excel(*arguments) == said


def test_a_sheet_becomes_csv(excel: Excel, tmp_path: Path) -> None:
    lines = (
        ",,,\nRegion,Amount,Day,Net\nNorth,100,2026-10-05,\nSouth,250.5,2026-10-06,\nNorth,7,,\n"
    )
    assert excel("to-csv") == lines
    excel("to-csv", "--output", str(tmp_path / "out.csv"))
    assert (tmp_path / "out.csv").read_text() == lines


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("rows", "--sheet", "Sale"), "there is no sheet 'Sale'; there are: Sales, Notes"),
        (("formulas", "--sheet", "Sale"), "there is no sheet 'Sale'"),
        (("cell", "7B"), "'7B' is no cell"),
        (("grep", "("), "'(' is no regular expression"),
        (("filter", "Colour = red"), "is no condition; write 'COLUMN OP VALUE' with: Region"),
    ],
)
def test_mistakes_are_told(excel: Excel, arguments: tuple[str, ...], problem: str) -> None:
    assert problem in excel(*arguments)


def test_what_is_no_workbook_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.xlsx").write_text("nothing")
    for command in ("inspect", "formulas"):
        assert main([command, str(tmp_path / "a.xlsx")]) == 1
    assert main(["inspect", str(tmp_path / "absent.xlsx")]) == 1
    assert capsys.readouterr().err.count("excel: ") == 3
