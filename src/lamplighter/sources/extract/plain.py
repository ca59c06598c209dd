"""Text, code and Markdown."""

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping

from lamplighter.errors import Unreadable
from lamplighter.sources.extract.extracted import Extracted, moment

BINARY_SHARE = 0.05
"""Control characters beyond this share mean that bytes are no text."""

FRONTMATTER_LIMIT = 20_000
"""Characters; more than that between two ``---`` is no frontmatter."""

_FRONTMATTER = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f]")
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.+?)(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}=+[ \t]*$")
_FENCE = re.compile(r" {0,3}(```|~~~)")


def decode(data: bytes) -> str:
    """Bytes as text: UTF-8, UTF-16 with its mark, else Windows-1252.

    Raises:
        Unreadable: They are no text.
    """
    text = _decoded(data)
    if text is None or len(_CONTROL.findall(text)) > BINARY_SHARE * len(text):
        raise Unreadable("a binary file, without text that can be read")
    return text


def read_text(data: bytes) -> Extracted:
    """Any text, as it is."""
    return Extracted("", decode(data), None, "text/plain")


def read_markdown(data: bytes) -> Extracted:
    """Markdown, as it is: lines keep their numbers. Frontmatter names title and date."""
    text = decode(data).replace("\r\n", "\n")
    meta, body = _frontmatter(text)
    title = meta.get("title")
    dates = (moment(meta.get(key)) for key in ("date", "updated", "created"))
    return Extracted(
        title if isinstance(title, str) else _first_heading(body),
        text,
        next((date for date in dates if date), None),
        "text/markdown",
    )


def _decoded(data: bytes) -> str | None:
    if data.startswith((BOM_UTF16_BE, BOM_UTF16_LE)):
        encodings = ["utf-16"]
    else:
        encodings = [] if b"\0" in data else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _frontmatter(text: str) -> tuple[Mapping[object, object], str]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    found = _FRONTMATTER.match(text, 0, FRONTMATTER_LIMIT)
    if found is None:
        return {}, text
    try:
        meta = YAML(typ="safe").load(found[1])
    except (YAMLError, ValueError, RecursionError):
        meta = None  # somebody else's file: what cannot be understood is no problem of ours
    return (meta if isinstance(meta, Mapping) else {}), text[found.end() :]


def _first_heading(text: str) -> str:
    fenced, before = False, ""
    for line in text.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            if found := _HEADING.match(line):
                return found[1]
            if before and _UNDERLINE.match(line):
                return before
        before = "" if fenced else line.strip()
    return ""
