"""PDF, Word documents and workbooks.

Parsers of such formats are large and their input is anybody's: this module is called in a
process of its own (see ``apart``).
"""

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from lamplighter.errors import Unreadable
from lamplighter.sources.extract.extracted import TEXT_LIMIT, Extracted, moment

if TYPE_CHECKING:
    from docx.table import Table
    from docx.text.paragraph import Paragraph
    from python_calamine import CalamineSheet

UNPACKED_LIMIT_BYTES = 100_000_000
"""What a zipped document may unpack to."""

CONTAINER = b"\xd0\xcf\x11\xe0"
"""How Microsoft's older container begins; it also wraps encrypted documents."""

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

SLIDES = "application/vnd.openxmlformats-officedocument.presentationml.presentation"

# The date that every document has which python-docx made and nobody dated.
UNDATED = datetime(2013, 12, 23, 23, 15, tzinfo=UTC)


def read_pdf(data: bytes) -> Extracted:
    """The text of every page, in order."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("protected by a password")
    text = _joined((page.extract_text() for page in reader.pages), "\n\n")
    if not text.strip():
        raise Unreadable("it holds no text, only pictures (a scan?)")
    title, created = "", None
    if meta := reader.metadata:
        title, created = meta.title or "", _created(meta)
    return Extracted(title, text, moment(created), "application/pdf")


def read_docx(data: bytes) -> Extracted:
    """Paragraphs, headings (as Markdown's) and tables (rows of tabs), in order."""
    from docx import Document

    document = Document(io.BytesIO(_unpacked(data)))
    about = document.core_properties
    dates = (moment(when) for when in (about.modified, about.created))
    return Extracted(
        about.title,
        _joined((_block(block) for block in document.iter_inner_content()), "\n"),
        next((when for when in dates if when and when != UNDATED), None),
        WORD,
    )


def read_slides(data: bytes) -> Extracted:
    """Every slide: its number as a heading, then its texts, tables and notes."""
    from pptx import Presentation

    deck = Presentation(io.BytesIO(_unpacked(data)))
    about = deck.core_properties
    slides = (_slide(number, slide) for number, slide in enumerate(deck.slides, 1))
    text = _joined(slides, "\n\n")
    return Extracted(about.title, text, moment(about.modified), SLIDES)


def read_workbook(data: bytes) -> Extracted:
    """Every sheet: its name as a heading, then its rows, tabs between the cells."""
    from python_calamine import PasswordError, load_workbook

    try:
        book = load_workbook(io.BytesIO(_unpacked(data) if data[:2] == b"PK" else data))
    except PasswordError as error:
        raise Unreadable("protected by a password") from error
    lines = (line for name in book.sheet_names for line in _rows(book.get_sheet_by_name(name)))
    text = _joined(lines, "\n")
    if all(line.startswith("# ") for line in text.split("\n") if line):
        raise Unreadable("every sheet is empty")
    return Extracted("", text, None, WORKBOOK)


def _created(meta: object) -> object:
    try:
        return getattr(meta, "creation_date", None)
    except ValueError:  # a date that PDF does not allow
        return None


def _joined(parts: Iterator[str], between: str) -> str:
    """The parts up to the limit of a text: what would be cut is not even read."""
    taken, size = [], 0
    for part in parts:
        taken.append(part)
        size += len(part) + len(between)
        if size > TEXT_LIMIT:
            break
    return between.join(taken)


def _unpacked(data: bytes) -> bytes:
    """The same archive without compression.

    The sizes that an archive states may lie, and other readers trust them. Here every entry
    is unpacked under one budget, and later readers get the honest result.
    """
    if data.startswith(CONTAINER):
        raise Unreadable("protected by a password, or in a format from before 2007")
    result, budget = io.BytesIO(), UNPACKED_LIMIT_BYTES
    with zipfile.ZipFile(io.BytesIO(data)) as packed, zipfile.ZipFile(result, "w") as plain:
        for entry in packed.infolist():
            with packed.open(entry) as stream:
                content = stream.read(budget + 1)
            budget -= len(content)
            if budget < 0:
                raise Unreadable(f"it unpacks to more than {UNPACKED_LIMIT_BYTES:,} bytes")
            plain.writestr(entry.filename, content)
    return result.getvalue()


def _block(block: "Paragraph | Table") -> str:
    from docx.table import Table

    if isinstance(block, Table):
        return "\n".join(
            "\t".join(dict.fromkeys(_flat(cell.text) for cell in row.cells)) for row in block.rows
        )
    style = (block.style.name or "") if block.style else ""
    if style == "Title":
        return f"# {block.text}"
    if style.startswith("Heading ") and style[8:].isdigit():
        return f"{'#' * min(int(style[8:]), 6)} {block.text}"
    return f"- {block.text}" if style.startswith("List") else block.text


def _slide(number: int, slide: Any) -> str:
    lines = [f"# Slide {number}"]
    for shape in slide.shapes:
        if shape.has_text_frame:
            lines += [text for text in shape.text_frame.text.splitlines() if text.strip()]
        elif shape.has_table:
            lines += ["\t".join(_flat(cell.text) for cell in row.cells) for row in shape.table.rows]
    if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame):
        lines += [f"Notes: {notes.text}"] if notes.text.strip() else []
    return "\n".join(lines)


def _rows(sheet: "CalamineSheet") -> Iterator[str]:
    yield f"# {sheet.name}"
    for row in sheet.iter_rows():
        if line := "\t".join(_cell(value) for value in row).rstrip():
            yield line
    yield ""


def _cell(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return value.isoformat() if isinstance(value, date) else _flat(str(value))


def _flat(text: str) -> str:
    return " ".join(text.split())
