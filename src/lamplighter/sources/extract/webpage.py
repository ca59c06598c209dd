"""HTML: what a reader would see, without scripts and styles."""

import re
from typing import TYPE_CHECKING

from lamplighter.errors import Unreadable
from lamplighter.sources.extract.extracted import Extracted, moment
from lamplighter.sources.extract.plain import decode

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser

UNSEEN = "script, style, template, noscript, svg, head, iframe, object"
BLOCKS = (
    "address, article, aside, blockquote, br, dd, div, dl, dt, figcaption, footer, form, h1, h2,"
    " h3, h4, h5, h6, header, hr, li, main, nav, ol, p, pre, section, table, td, th, tr, ul"
)
DATES = (
    "meta[property='article:modified_time'], meta[property='article:published_time'],"
    " meta[name='date'], meta[name='dcterms.modified']"
)
BREAK = "\x1e"
"""Stands for the end of a line until white space is folded."""

_CHARSET = re.compile(rb"<meta[^>]*charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)


def read_html(data: bytes) -> Extracted:
    """A page's title, date and readable text, one block a line."""
    from selectolax.lexbor import LexborHTMLParser

    page = LexborHTMLParser(_decode(data).replace(BREAK, " "))
    heading = page.css_first("title") or page.css_first("h1")
    title = heading.text() if heading else ""
    dates = (moment(node.attributes.get("content")) for node in page.css(DATES))
    dated_at = next((date for date in dates if date), None)
    return Extracted(title, _readable(page), dated_at, "text/html")


def _decode(data: bytes) -> str:
    named = _CHARSET.search(data, 0, 2_000)
    try:
        return data.decode(named[1].decode() if named else "utf-8")
    except (LookupError, UnicodeError):
        return decode(data)


def _readable(page: "LexborHTMLParser") -> str:
    for node in page.css(UNSEEN):
        node.decompose()
    for node in page.css("pre"):
        node.replace_with(BREAK + node.text().replace("\n", BREAK) + BREAK)
    for node in page.css(BLOCKS):
        node.insert_before(BREAK)
        node.insert_after(BREAK)
    if page.body is None:
        raise Unreadable("a page without a body")
    lines = (" ".join(line.split()) for line in page.body.text().split(BREAK))
    return "\n".join(line for line in lines if line)
