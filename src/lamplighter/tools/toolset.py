"""Which tools there are, and the toolset of one run."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pydantic_ai import Tool
from pydantic_ai.toolsets import FunctionToolset

from lamplighter.definitions.agent import Agent
from lamplighter.outbox import Outcome
from lamplighter.tools import (
    assistance,
    delivery,
    documents,
    files,
    mcp_tools,
    web,
    workspace_files,
)
from lamplighter.tools.bench import Context, Workbench, call_of

NO_DOCUMENTS = "There are no such documents."
"""In words, because models are shown an empty list as nothing at all."""


def list_documents(  # noqa: D417 - the model reads these docstrings, and gives no ctx
    ctx: Context,
    source: str | None = None,
    after: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[dict[str, Any]] | str:
    """List the documents that you may read, newest first.

    Args:
        source: Only from this source.
        after: Only dated on this day or later, like 2026-10-05.
        before: Only dated on this day or earlier, like 2026-10-11.
        limit: How many at most.
    """
    bench = ctx.deps
    found = documents.list_documents(bench.engine, bench.scope, source, after, before, limit)
    return found or NO_DOCUMENTS


def search_documents(  # noqa: D417
    ctx: Context, query: str, limit: int = 20
) -> list[dict[str, Any]] | str:
    """Search the documents that you may read, best match first.

    Args:
        query: The words to look for.
        limit: How many at most.
    """
    bench = ctx.deps
    return documents.search_documents(bench.engine, bench.scope, query, limit) or NO_DOCUMENTS


def read_document(  # noqa: D417
    ctx: Context, id: str, start_line: int | None = None, end_line: int | None = None
) -> str:
    """Read the text of one document.

    Args:
        id: The document's id, as list_documents and search_documents give it.
        start_line: The first line to read, from 1.
        end_line: The last line to read.
    """
    bench = ctx.deps
    return documents.read_document(bench.engine, bench.scope, id, start_line, end_line)


def read_file(  # noqa: D417
    ctx: Context, path: str, start_line: int | None = None, end_line: int | None = None
) -> str:
    """Read a text file that you wrote in this run, with numbered lines.

    Args:
        path: The file, like notes/today.md.
        start_line: The first line to read, from 1.
        end_line: The last line to read.
    """
    return files.read_file(ctx.deps.run_files, path, start_line, end_line)


def write_file(ctx: Context, path: str, content: str) -> str:  # noqa: D417
    """Write a text file into your private folder of this run, replacing it if it exists.

    Args:
        path: The file, like digest.md.
        content: The whole text of the file.
    """
    return files.write_file(ctx.deps.run_files, path, content)


async def deliver_file(ctx: Context, path: str) -> Outcome:  # noqa: D417
    """Publish a file that you wrote, so that people find it as a result of this run.

    Args:
        path: The file, like digest.md.
    """
    bench = ctx.deps
    return await delivery.deliver_file(
        bench.outbox, call_of(ctx), bench.run_files, bench.destination, path
    )


READERS = (list_documents, search_documents, read_document, read_file)
WRITERS = (write_file, deliver_file)
"""Tools that run alone, in the order of the model's calls; the others may overlap."""

TOOLS: dict[str, Tool[Workbench]] = {
    function.__name__: Tool(function, sequential=function in WRITERS, docstring_format="google")
    for function in (*READERS, *WRITERS)
}
TOOLS |= workspace_files.TOOLS | assistance.TOOLS | mcp_tools.TOOLS | web.TOOLS
"""All tools, made once: their schemas take longer to make than to use."""


def build_toolset(agent: Agent) -> FunctionToolset[Workbench]:
    """The built-in tools of one run, called as its agent calls them.

    What the agent may not call does not exist for the model, and neither does what is not
    available here, of which ``agent validate`` tells.
    """
    return FunctionToolset(list(_named(agent)))


def _named(agent: Agent) -> Iterable[Tool[Workbench]]:
    for name, known in agent.tool_names.items():
        if tool := TOOLS.get(known):
            yield tool if tool.name == name else replace(tool, name=name)
