"""Looking for files and in them, as Rowboat's tools do."""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from lamplighter.errors import ToolFailed
from lamplighter.tools import tree
from lamplighter.tools.places import Spot

MAX_ENTRIES = 500
MAX_MATCHES = 1000
MAX_LINE_CHARACTERS = 500
SKIPPED = frozenset({"node_modules", ".git"})
_WILD = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")", ",": "|"}


def list_folder(
    spot: Spot, *, recursive: bool, stats: bool, hidden: bool, extensions: list[str] | None
) -> Any:
    """The entries of a folder, folders first; more than 500 are cut, and that is said."""
    found = [
        {
            "name": place.parts[-1],
            "path": place.shown,
            "kind": stat.kind,
            **({"stat": _brief(stat)} if stats else {}),
        }
        for place, stat in tree.walk(spot, recursive=recursive, hidden=hidden)
        if not extensions or PurePosixPath(place.parts[-1]).suffix in extensions
    ]
    found.sort(key=lambda entry: (entry["kind"] != "dir", str(entry["name"]).casefold()))
    if len(found) <= MAX_ENTRIES:
        return found
    hint = "Listing cut: give allowedExtensions or a path further down."
    return {
        "entries": found[:MAX_ENTRIES],
        "count": len(found),
        "returnedCount": MAX_ENTRIES,
        "truncated": True,
        "hint": hint,
    }


def find_files(spot: Spot, pattern: str) -> list[str]:
    """The files below ``spot`` whose path from there matches a glob pattern."""
    expression = _compile(_translate(pattern), pattern)
    hidden = any(part.startswith(".") for part in pattern.split("/"))
    depth = len(spot.parts)
    paths = (
        "/".join(place.parts[depth:])
        for place, stat in _search(spot, hidden=hidden)
        if stat.kind == "file"
    )
    return sorted(path for path in paths if expression.fullmatch(path))


def find_lines(
    spot: Spot, pattern: str, *, only: str | None, context: int, limit: int
) -> list[dict[str, Any]]:
    """The lines of text files that match, whatever their capitals."""
    expression = _compile(pattern, pattern, ignore_case=True)
    names = _compile(_translate(only), only) if only else None
    found = _matches(spot, expression, names, max(context, 0))
    return list(islice(found, min(max(limit, 1), MAX_MATCHES)))


def _matches(spot: Spot, expression: Any, names: Any, context: int) -> Iterator[dict[str, Any]]:
    for place in _files(spot):
        if names and not (names.fullmatch(place.parts[-1]) or names.fullmatch(place.shown)):
            continue
        try:
            lines = tree.read_bytes(place)[0].decode("utf-8").splitlines()
        except (UnicodeDecodeError, ToolFailed):
            continue  # no text, or gone
        for number, line in enumerate(lines):
            if expression.search(line):
                yield {
                    "file": place.shown,
                    "line": number + 1,
                    "content": line.strip()[:MAX_LINE_CHARACTERS],
                    **(_around(lines, number, context) if context else {}),
                }


def _files(spot: Spot) -> Iterator[Spot]:
    stat = tree.examine(spot)
    if stat and stat.kind == "file":
        yield spot
        return
    for place, stat in _search(spot, hidden=False):
        if stat.kind == "file":
            yield place


def _search(spot: Spot, *, hidden: bool) -> Iterator[tuple[Spot, tree.Stat]]:
    for place, stat in tree.walk(spot, recursive=True, hidden=hidden):
        if SKIPPED.isdisjoint(place.parts[len(spot.parts) :]):
            yield place, stat


def _around(lines: list[str], number: int, context: int) -> dict[str, list[str]]:
    before, after = lines[max(number - context, 0) : number], lines[number + 1 :][:context]
    return {
        "before": [line[:MAX_LINE_CHARACTERS] for line in before],
        "after": [line[:MAX_LINE_CHARACTERS] for line in after],
    }


def _brief(stat: tree.Stat) -> dict[str, object]:
    return {key: value for key, value in stat.data.items() if key in ("size", "mtimeMs")}


def _translate(pattern: str) -> str:
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\{|\}|,)", pattern.removeprefix("./"))
    inside = "{" in pattern
    wild = _WILD if inside else {key: value for key, value in _WILD.items() if key not in "{},"}
    return "".join(wild.get(part) or re.escape(part) for part in parts)


def _compile(expression: str, written: str, *, ignore_case: bool = False) -> Any:
    """RE2 takes time in proportion to the text, whatever a model made up as a pattern."""
    import re2  # a compiled library, which only those load who search files

    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    try:
        return re2.compile(expression, options)
    except re2.error as error:
        raise ToolFailed(f"{written!r} is no pattern: {error}") from error
