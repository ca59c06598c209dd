"""What a file says: its title, text and date. Runs and fetches nothing that a file refers to."""

from collections.abc import Callable
from pathlib import PurePosixPath

from lamplighter.errors import Unreadable
from lamplighter.sources.extract.apart import read_apart
from lamplighter.sources.extract.extracted import Extracted, storable, tidy
from lamplighter.sources.extract.message import read_eml
from lamplighter.sources.extract.office import read_docx, read_pdf, read_slides, read_workbook
from lamplighter.sources.extract.plain import read_markdown, read_text
from lamplighter.sources.extract.webpage import read_html

__all__ = ["READERS", "VERSION", "Extracted", "extract", "parse", "storable", "tidy"]

VERSION = 2
"""Raised when a reader learns something, so that what was read before is read again."""

INLINE_LIMIT_BYTES = 100_000
"""A page up to this size is parsed in this process: at worst it takes a second or two. Time
grows with the square of how deep tags are nested."""

READERS: dict[str, Callable[[bytes], Extracted]] = {
    **dict.fromkeys((".md", ".markdown", ".mdx"), read_markdown),
    **dict.fromkeys((".html", ".htm", ".xhtml"), read_html),
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), read_workbook),
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".pptx": read_slides,
    ".eml": read_eml,
}


def extract(data: bytes, name: str) -> Extracted:
    """The title, text and date of a file.

    Args:
        data: The whole file.
        name: Its name; the ending says how to read it, and any other ending means text.

    Raises:
        Unreadable: Binary, damaged, encrypted, too large when unpacked, or without text.
    """
    read = _reader(name)
    if read in (read_pdf, read_docx, read_slides, read_workbook):
        return read_apart(data, name)
    if read is read_html and len(data) > INLINE_LIMIT_BYTES:
        return read_apart(data, name)
    return parse(data, name)


def parse(data: bytes, name: str) -> Extracted:
    """``extract`` within this process, whatever the file may do to it."""
    try:
        return tidy(_reader(name)(data), name)
    except Unreadable:
        raise
    except MemoryError as error:
        raise Unreadable("reading it needs too much memory") from error
    except Exception as error:
        # Parsers raise anything on a damaged file, and one file must not stop the others.
        kind = PurePosixPath(name).suffix.lstrip(".").upper()
        raise Unreadable(f"damaged, or no {kind} file: {error}") from error


def _reader(name: str) -> Callable[[bytes], Extracted]:
    return READERS.get(PurePosixPath(name).suffix.lower(), read_text)
