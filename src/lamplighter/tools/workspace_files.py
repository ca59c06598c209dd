"""Rowboat's tools for files, with its parameters and results.

February's are called ``workspace-...``, August's ``file-...``. Names of parameters are Rowboat's.
"""

# ruff: noqa: D417 - the model reads these docstrings, and gives no ctx

import asyncio
import base64
import binascii
from collections.abc import Callable
from typing import Any, Literal

from pydantic_ai import Tool

from lamplighter.errors import ToolFailed
from lamplighter.outbox import Effect, Outcome
from lamplighter.tools import changes, finding, tree
from lamplighter.tools.bench import Context, Workbench, call_of

Encoding = Literal["utf8", "base64", "binary"]

MAX_CHARACTERS = 200_000
"""Of a file's text that one call gives."""

MAX_LINES = 2000
"""Of a file that one ``file-readText`` gives."""


def get_root(ctx: Context) -> dict[str, Any]:
    """Get the folder that relative paths start from."""
    return {"root": str(ctx.deps.settings.workspace.resolve())}


def exists(ctx: Context, path: str) -> dict[str, Any]:
    """Say whether a file or folder exists.

    Args:
        path: Relative to the workspace.
    """
    try:
        spot = ctx.deps.places().find(path, "read")
    except ToolFailed:
        return {"exists": False}
    return {"exists": tree.examine(spot) is not None}


def stat(ctx: Context, path: str) -> dict[str, Any]:
    """Get kind, size and times of a file or folder.

    Args:
        path: Relative to the workspace.
    """
    found = tree.examine(ctx.deps.places().find(path, "read"))
    if found is None:
        raise ToolFailed(f"{path}: there is no such file or folder")
    return found.data


def list_entries(
    ctx: Context,
    path: str = "",
    recursive: bool = False,
    includeStats: bool = False,
    includeHidden: bool = False,
    allowedExtensions: list[str] | None = None,
) -> Any:
    """List a folder.

    Args:
        path: Relative to the workspace; empty for the workspace itself.
        recursive: Whether to list the folders in it, too.
        includeStats: Whether to give sizes and times.
        includeHidden: Whether to list names that begin with a dot.
        allowedExtensions: Only these, like [".md"].
    """
    return finding.list_folder(
        ctx.deps.places().find(path, "list"),
        recursive=recursive,
        stats=includeStats,
        hidden=includeHidden,
        extensions=allowedExtensions,
    )


def read_file(ctx: Context, path: str, encoding: Encoding = "utf8") -> dict[str, Any]:
    """Read a file.

    Args:
        path: Relative to the workspace.
        encoding: utf8 for text; base64 or binary give base64.
    """
    content, found = tree.read_bytes(ctx.deps.places().find(path, "read"))
    data = _text(content, path) if encoding == "utf8" else base64.b64encode(content).decode()
    cut = {}
    if encoding == "utf8" and len(data) > MAX_CHARACTERS:
        cut = {"truncated": True, "totalCharacters": len(data)}
        data = data[:MAX_CHARACTERS]
    result = {"path": path, "encoding": encoding, "data": data}
    return {**result, "stat": found.data, "etag": found.etag, **cut}


def read_text(ctx: Context, path: str, offset: int = 1, limit: int = MAX_LINES) -> str:
    """Read a text file, with numbered lines; the numbers are not part of the text.

    Args:
        path: Relative to the workspace, absolute, or beginning with ~.
        offset: The first line, from 1.
        limit: How many lines at most.
    """
    spot = ctx.deps.places().find(path, "read")
    content, found = tree.read_bytes(spot)
    lines = _text(content, path).splitlines()
    if offset < 1 or (lines and offset > len(lines)):
        raise ToolFailed(f"{path} has lines 1 to {len(lines)}, not {offset}")
    shown = lines[offset - 1 :][: min(max(limit, 1), MAX_LINES)]
    last = offset + len(shown) - 1
    footer = f"(End of file - total {len(lines)} lines)"
    if last < len(lines):
        footer = f"(Lines {offset}-{last} of {len(lines)}. Go on with offset={last + 1}.)"
    numbered = "\n".join(f"{number}: {line}" for number, line in enumerate(shown, offset))
    return (
        f"<path>{path}</path>\n<resolvedPath>{spot.root.joinpath(*spot.parts)}</resolvedPath>\n"
        f"<type>file</type>\n<etag>{found.etag}</etag>\n"
        f"<content>\n{numbered[:MAX_CHARACTERS]}\n\n{footer}\n</content>"
    )


def glob(ctx: Context, pattern: str, cwd: str | None = None) -> dict[str, Any]:
    """Find files by the pattern of their path.

    Args:
        pattern: Like **/*.md; ** crosses folders.
        cwd: The folder to look in; the workspace if not given.
    """
    found = finding.find_files(ctx.deps.places().find(cwd or "", "search"), pattern)
    return {"files": found, "count": len(found), "pattern": pattern, "cwd": cwd or "."}


def grep(
    ctx: Context,
    pattern: str,
    searchPath: str | None = None,
    fileGlob: str | None = None,
    contextLines: int = 0,
    maxResults: int = 100,
) -> dict[str, Any]:
    """Find lines in text files by a regular expression; capitals make no difference.

    Args:
        pattern: The regular expression.
        searchPath: The folder or file to look in; the workspace if not given.
        fileGlob: Only files like this, such as *.md.
        contextLines: How many lines before and after each match to give.
        maxResults: How many matches at most.
    """
    spot = ctx.deps.places().find(searchPath or "", "search")
    found = finding.find_lines(spot, pattern, only=fileGlob, context=contextLines, limit=maxResults)
    return {"matches": found, "count": len(found), "tool": "lamplighter"}


async def write_file(  # noqa: PLR0913 - Rowboat's parameters
    ctx: Context,
    path: str,
    data: str,
    encoding: Encoding = "utf8",
    atomic: bool = True,
    mkdirp: bool = True,
    expectedEtag: str | None = None,
) -> Outcome:
    """Write a file whole, replacing what was there.

    Args:
        path: Relative to the workspace.
        data: All of it; base64 if the encoding is not utf8.
        encoding: What data is in.
        atomic: Always so.
        mkdirp: Whether to make the folders that it lies in.
        expectedEtag: Only if the file is still this version.
    """
    content = _bytes(data, encoding)
    return await _write(ctx, path, content, mkdirp=mkdirp, expected_etag=expectedEtag)


async def write_text(
    ctx: Context,
    path: str,
    data: str,
    atomic: bool = True,
    mkdirp: bool = True,
    expectedEtag: str | None = None,
) -> Outcome:
    """Write a text file whole, replacing what was there.

    Args:
        path: Relative to the workspace, absolute, or beginning with ~.
        data: The whole text.
        atomic: Always so.
        mkdirp: Whether to make the folders that it lies in.
        expectedEtag: Only if the file is still this version.
    """
    return await _write(ctx, path, data.encode(), mkdirp=mkdirp, expected_etag=expectedEtag)


async def edit(
    ctx: Context,
    path: str,
    oldString: str,
    newString: str,
    replaceAll: bool = False,
) -> Outcome:
    """Replace text in a file.

    Args:
        path: The file.
        oldString: The exact text to replace; it must be there once only, unless replaceAll.
        newString: What to put in its place.
        replaceAll: Whether to replace it everywhere.
    """
    places = ctx.deps.places()
    content, found = await asyncio.to_thread(tree.read_bytes, places.find(path, "read"))
    text = _text(content, path)
    times = text.count(oldString) if oldString else 0
    if times == 0:
        raise ToolFailed(f"oldString is not in {path}")
    if times > 1 and not replaceAll:
        raise ToolFailed(f"oldString is {times} times in {path}; give more of it, or replaceAll")
    effect = changes.Write(
        spot=places.find(path, "write"),
        content=text.replace(oldString, newString).encode(),
        files=ctx.deps.run_files,
        answer={"success": True, "replacements": times},
        expected_etag=found.etag,
    )
    return await _perform(ctx, effect)


async def mkdir(ctx: Context, path: str, recursive: bool = True) -> Outcome:
    """Make a folder.

    Args:
        path: The folder.
        recursive: Whether to make the folders that it lies in.
    """
    return await _perform(ctx, changes.MakeFolder(ctx.deps.places().find(path, "write"), recursive))


async def _move(ctx: Context, source: str, target: str, overwrite: bool = False) -> Outcome:
    """Rename or move a file or folder.

    Args:
        source: What to move.
        target: Its new path.
        overwrite: Whether to replace what is there.
    """
    places = ctx.deps.places()
    moved = changes.Move(places.find(source, "delete"), places.find(target, "write"), overwrite)
    return await _perform(ctx, moved)


async def _copy(ctx: Context, source: str, target: str, overwrite: bool = False) -> Outcome:
    """Copy a file.

    Args:
        source: The file.
        target: The path of the copy.
        overwrite: Whether to replace what is there.
    """
    places = ctx.deps.places()
    spot = places.find(target, "write")
    content, _ = await asyncio.to_thread(tree.read_bytes, places.find(source, "read"))
    if not overwrite and (found := tree.examine(spot)) is not None:
        earlier = found.kind == "file" and tree.read_bytes(spot)[0] == content
        if not earlier:
            raise ToolFailed(f"{target} exists already")
    effect = changes.Write(spot, content, ctx.deps.run_files, answer=changes.DONE)
    return await _perform(ctx, effect)


async def remove(ctx: Context, path: str, recursive: bool = False, trash: bool = True) -> Outcome:
    """Remove a file or folder.

    Args:
        path: What to remove.
        recursive: Needed to delete a folder for good.
        trash: Whether to put it into the trash; otherwise it is deleted for good.
    """
    places = ctx.deps.places()
    spot = places.find(path, "delete")
    return await _perform(
        ctx, changes.Remove(spot, recursive, changes.trash_of(places) if trash else None)
    )


async def _write(
    ctx: Context, path: str, content: bytes, *, mkdirp: bool, expected_etag: str | None
) -> Outcome:
    effect = changes.Write(
        spot=ctx.deps.places().find(path, "write"),
        content=content,
        files=ctx.deps.run_files,
        expected_etag=expected_etag or None,
        parents=mkdirp,
    )
    return await _perform(ctx, effect)


async def _perform(ctx: Context, effect: Effect) -> Outcome:
    return await ctx.deps.outbox.perform(call_of(ctx), effect)


def _text(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ToolFailed(f"{path} is no UTF-8 text") from error


def _bytes(data: str, encoding: Encoding) -> bytes:
    if encoding == "utf8":
        return data.encode()
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise ToolFailed(f"data is no base64: {error}") from error


_READING: dict[str, Callable[..., Any]] = {
    "getRoot": get_root, "exists": exists, "stat": stat, "glob": glob, "grep": grep,
}  # fmt: skip
_WRITING: dict[str, Callable[..., Any]] = {"mkdir": mkdir, "remove": remove}
_FEBRUARY: dict[str, Callable[..., Any]] = {"readdir": list_entries, "readFile": read_file}
_AUGUST: dict[str, Callable[..., Any]] = {"list": list_entries, "readText": read_text}
_FEBRUARY_WRITING: dict[str, Callable[..., Any]] = {"writeFile": write_file, "edit": edit}
_AUGUST_WRITING: dict[str, Callable[..., Any]] = {"writeText": write_text, "editText": edit}


def _tools(
    generation: str, reading: dict[str, Callable[..., Any]], writing: dict[str, Callable[..., Any]]
) -> dict[str, Tool[Workbench]]:
    """The tools of one generation, by their names."""
    made: list[Tool[Workbench]] = [
        Tool(
            each, name=f"{generation}-{name}", docstring_format="google", sequential=name in writing
        )
        for name, each in (reading | writing).items()
    ]
    made += [_renaming(f"{generation}-rename", _move), _renaming(f"{generation}-copy", _copy)]
    return {tool.name: tool for tool in made}


def _renaming(name: str, function: Callable[..., Any]) -> Tool[Workbench]:
    """A tool with the parameters ``from`` and ``to``, which Python would not have as names."""
    text = {"type": "string"}
    schema = {
        "type": "object",
        "properties": {
            "from": text | {"description": "What to take."},
            "to": text | {"description": "The new path."},
            "overwrite": {"type": "boolean", "description": "Whether to replace what is there."},
        },
        "required": ["from", "to"],
        "additionalProperties": False,
    }

    async def call(ctx: Context, **given: Any) -> Any:
        source, target = given.get("from"), given.get("to")
        if not isinstance(source, str) or not isinstance(target, str):
            raise ToolFailed("from and to are paths")
        return await function(ctx, source, target, given.get("overwrite") is True)

    description = str(function.__doc__).split("\n")[0]
    tool: Tool[Workbench] = Tool.from_schema(
        call, name, description, schema, takes_ctx=True, sequential=True
    )
    return tool


TOOLS = _tools("workspace", _READING | _FEBRUARY, _WRITING | _FEBRUARY_WRITING) | _tools(
    "file", _READING | _AUGUST, _WRITING | _AUGUST_WRITING
)
"""All of them, made once."""
