import contextlib
import io
import random
import zipfile
from datetime import UTC, date, datetime

import docx
import openpyxl
import pytest
from fpdf import FPDF

from lamplighter.errors import Unreadable
from lamplighter.sources.extract import extract, parse
from lamplighter.sources.extract.apart import read_apart
from lamplighter.sources.extract.extracted import CUT_NOTE, LINE_LIMIT, TEXT_LIMIT


def pdf_file(*lines: str, title: str = "", password: str | None = None) -> bytes:
    pdf = FPDF()
    pdf.set_creation_date(datetime(2026, 3, 4, 5, 6, tzinfo=UTC))
    if title:
        pdf.set_title(title)
    if password is not None:
        pdf.set_encryption(owner_password="owner", user_password=password)
    for line in lines:
        pdf.add_page()
        pdf.set_font("Helvetica", size=12)
        pdf.cell(text=line)
    if not lines:
        pdf.add_page()
        pdf.line(10, 10, 100, 100)
    return bytes(pdf.output())


def docx_file() -> bytes:
    document = docx.Document()
    document.core_properties.title = "Minutes"
    document.core_properties.modified = datetime(2026, 10, 7, 9, 30)  # noqa: DTZ001 - as Word
    document.add_heading("Budget", level=2)
    document.add_paragraph("We agreed on less.")
    table = document.add_table(rows=1, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "travel", "1200"
    document.add_paragraph("And more tea.", style="List Bullet")
    return saved(document)


def workbook_file() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "Costs"
    sheet.append(["item", "cost", "when"])
    sheet.append(["tea\nand milk", 12.0, date(2026, 10, 1)])
    sheet.append([None, None, None])
    sheet.append(["rent", 800.5, True])
    book.create_sheet("Second").append(["more"])
    return saved(book)


def saved(made: "openpyxl.Workbook | docx.document.Document") -> bytes:
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def zipped(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def test_markdown_takes_title_and_date_from_frontmatter_and_keeps_its_lines() -> None:
    text = "---\ntitle: Spring plan\ndate: 2026-10-05\n---\n# Heading\n\nBody."
    found = extract(text.encode(), "plan.md")
    assert found.title == "Spring plan"
    assert found.dated_at == datetime(2026, 10, 5, tzinfo=UTC)
    assert found.text == text
    assert found.media_type == "text/markdown"


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ("created: 2026-01-01\nupdated: 2026-02-02", datetime(2026, 2, 2, tzinfo=UTC)),
        ("date: 2026-03-03T10:00:00+02:00", datetime(2026, 3, 3, 8, tzinfo=UTC)),
        ("date: '2026-03-03 10:00'", datetime(2026, 3, 3, 10, tzinfo=UTC)),
        ("date: 0001-01-01T00:00:00+12:00\ncreated: 2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)),
        ("date: next week", None),
        ("date: [1, 2]", None),
        ("tags: [x]", None),
    ],
)
def test_frontmatter_dates(meta: str, expected: datetime | None) -> None:
    assert extract(f"---\n{meta}\n---\ntext".encode(), "a.md").dated_at == expected


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("intro\n\n## The *plan* ##\n\n# Later", "The *plan*"),
        ("```\n# no heading\n```\n# Yes", "Yes"),
        ("Set below\n=========\ntext", "Set below"),
        ("---\ntitle: [broken\n---\n# Heading", "Heading"),
        ("---\njust text\n---\n# Heading", "Heading"),
        ("---\ntitle: 5\n---\nno heading at all", "notes"),
        ("#hashtag only", "notes"),
    ],
)
def test_title_of_markdown(text: str, title: str) -> None:
    assert extract(text.encode(), "deep/notes.md").title == title


def test_html_gives_what_a_reader_sees() -> None:
    page = b"""<html><head><title> A
        page </title><meta name="date" content="2026-09-09"><style>p {}</style></head>
        <body><h1>Hello</h1><script>alert('no')</script>
        <p>One <b>bold</b>
        line.</p><ul><li>first<li>second</ul><pre>x = 1
y = 2</pre></body></html>"""
    found = extract(page, "page.html")
    assert found.title == "A page"
    assert found.dated_at == datetime(2026, 9, 9, tzinfo=UTC)
    assert found.text.split("\n") == [
        *("Hello", "One bold line.", "first", "second", "x = 1", "y = 2")
    ]


def test_html_in_another_encoding_is_read_as_it_says() -> None:
    page = '<meta charset="shift_jis"><p>検索</p>'.encode("shift_jis")
    assert extract(page, "page.htm").text == "検索"


def test_a_large_page_is_read_like_a_small_one() -> None:
    page = b"<p>word</p>" * 20_000
    assert extract(page, "large.html") == parse(page, "large.html")


def test_pdf_gives_every_page_title_and_date() -> None:
    found = extract(pdf_file("first page", "second page", title="Report"), "r.pdf")
    assert found.title == "Report"
    assert found.text == "first page\n\nsecond page"
    assert found.dated_at == datetime(2026, 3, 4, 5, 6, tzinfo=UTC)


def test_docx_keeps_the_order_of_headings_paragraphs_and_tables() -> None:
    found = extract(docx_file(), "minutes.docx")
    assert found.title == "Minutes"
    assert found.text == "## Budget\nWe agreed on less.\ntravel\t1200\n- And more tea."
    assert found.dated_at == datetime(2026, 10, 7, 9, 30, tzinfo=UTC)


def test_docx_that_nobody_dated_has_no_date() -> None:
    document = docx.Document()
    document.add_paragraph("text")
    found = extract(saved(document), "undated.docx")
    assert (found.dated_at, found.title) == (None, "undated")


def test_workbook_gives_every_sheet_row_by_row() -> None:
    found = extract(workbook_file(), "costs.xlsx")
    assert found.text.split("\n") == [
        "# Costs",
        "item\tcost\twhen",
        "tea and milk\t12\t2026-10-01",
        "rent\t800.5\tTrue",
        "",
        "# Second",
        "more",
    ]
    assert found.title == "costs"


@pytest.mark.parametrize(
    "data",
    [
        "naïve € text".encode(),
        "naïve € text".encode("utf-8-sig"),
        "naïve € text".encode("utf-16"),
        "naïve € text".encode("cp1252"),
    ],
)
def test_text_in_any_usual_encoding(data: bytes) -> None:
    assert extract(data, "a.txt").text == "naïve € text"


def test_line_ends_become_line_feeds() -> None:
    assert extract(b"a\r\nb\rc\n", "a.log").text == "a\nb\nc"


def test_code_is_text() -> None:
    assert extract(b"def f():\n    return 1\n", "f.py").text == "def f():\n    return 1"


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0", "binary"),
        ("a.txt", b"text\0with nul", "binary"),
        ("a.bin", bytes(range(1, 256)), "binary"),
        ("a.txt", b" \n\t\n", "no text"),
        ("a.pdf", pdf_file("secret", password="user"), "password"),
        ("a.pdf", pdf_file(), "scan"),
        ("a.pdf", b"%PDF-1.7 and nothing else", "damaged"),
        ("a.docx", docx_file()[:3000], "damaged"),
        ("a.docx", b"\xd0\xcf\x11\xe0 rest", "password"),
        ("a.docx", zipped("word/document.xml", bytes(100_000_001)), "unpacks to more than"),
        ("a.xlsx", b"no workbook", "damaged"),
        ("a.xlsx", saved(openpyxl.Workbook()), "every sheet is empty"),
    ],
)
def test_what_cannot_be_read_says_why(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        extract(data, name)


def test_pdf_that_anybody_may_open_is_read_though_encrypted() -> None:
    assert extract(pdf_file("open", password=""), "a.pdf").text == "open"


def test_workbook_that_asks_for_half_a_terabyte_costs_only_itself() -> None:
    book = openpyxl.Workbook()
    book.worksheets[0]["A1"] = 1
    book.worksheets[0].cell(1_048_576, 16_384, 2)
    with pytest.raises(Unreadable, match="bytes of memory"):
        extract(saved(book), "bomb.xlsx")


def test_reading_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(Unreadable, match="more than 0 seconds"):
        read_apart(pdf_file("text"), "a.pdf", timeout_seconds=0.001)


def test_lying_sizes_in_an_archive_do_not_help_it() -> None:
    archive = bytearray(zipped("word/document.xml", bytes(1_000_000)))
    directory = archive.rindex(b"PK\x01\x02")
    archive[directory + 24 : directory + 28] = (10).to_bytes(4, "little")
    with pytest.raises(Unreadable):
        extract(bytes(archive), "lies.docx")


def test_text_over_the_limit_is_cut_and_says_so() -> None:
    found = extract(b"word " * (TEXT_LIMIT // 5 + 1), "a.txt")
    assert found.text.endswith(f"\n{CUT_NOTE}")
    assert len(found.text) < TEXT_LIMIT + 10_000


def test_no_line_is_longer_than_a_reader_can_take() -> None:
    found = extract(b"word " * 5_000 + b"\n" + b"x" * 9_000, "a.txt")
    assert max(len(line) for line in found.text.split("\n")) <= LINE_LIMIT
    assert found.text.split("\n")[0].endswith("word")


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.pdf", pdf_file("text")), ("a.docx", docx_file()), ("a.xlsx", workbook_file())],
)
def test_damage_is_a_reason_and_never_a_crash(name: str, data: bytes) -> None:
    chance = random.Random(7)
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(chance.choice([1, 5, 20])):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        with contextlib.suppress(Unreadable):
            assert parse(bytes(damaged), name).text
