"""Which tools there are, and the toolset of one run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_ai import RunContext, Tool
from pydantic_ai.toolsets import FunctionToolset

from lamplighter.access import Scope
from lamplighter.outbox import Outbox, Outcome
from lamplighter.tools import delivery, documents, files
from lamplighter.tools.shell import Shell

if TYPE_CHECKING:
    from sqlalchemy import Engine

NO_DOCUMENTS = "There are no such documents."
"""In words, because models are shown an empty list as nothing at all."""


@dataclass(frozen=True, slots=True)
class Workbench:
    """What the tools of one run work on.

    Attributes:
        engine: The workspace's database.
        scope: What the run may see.
        run_files: The run's own files.
        destination: Where its results go.
        outbox: The way to them, and to all else outside the run.
        shell: Where its commands run; ``None``: nowhere.
    """

    engine: "Engine"
    scope: Scope
    run_files: files.RunFiles
    destination: delivery.Delivery
    outbox: Outbox
    shell: Shell | None = None

    def apply_files(self, changes: Mapping[str, Any]) -> None:
        """Have what a step did to the run's files."""
        self.run_files.apply(files.read_changes(changes))

    async def close(self) -> None:
        """At the end of the run: leave nothing of it behind."""
        if self.shell is not None:
            await self.shell.close()


Context = RunContext[Workbench]
"""What each tool gets besides the model's arguments."""


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
    """Read a text file of this run, with numbered lines.

    Args:
        path: The file, like notes/today.md.
        start_line: The first line to read, from 1.
        end_line: The last line to read.
    """
    return files.read_file(ctx.deps.run_files, path, start_line, end_line)


def write_file(ctx: Context, path: str, content: str) -> files.Done:  # noqa: D417
    """Write a text file into your private folder of this run, replacing it if it exists.

    Args:
        path: The file, like digest.md.
        content: The whole text of the file.
    """
    return files.write_file(ctx.deps.run_files, path, content)


async def deliver_file(ctx: Context, path: str) -> Outcome:  # noqa: D417
    """Publish a file of this run, so that people find it as a result of this run.

    Args:
        path: The file, like digest.md.
    """
    bench = ctx.deps
    # The id alone may come back in a later request.
    call = f"{ctx.run_step}:{ctx.tool_call_id}"
    return await delivery.deliver_file(bench.outbox, call, bench.run_files, bench.destination, path)


async def run_bash(ctx: Context, command: str) -> files.Done:  # noqa: D417
    """Run a bash command in your private folder of this run, apart from everything else.

    It has a time limit. Files in the folder are kept; other state, such as variables or programs
    left running, is not. For workbooks there is the program `excel`; see `excel --help`.

    Args:
        command: The command line.
    """
    assert ctx.deps.shell is not None
    return await ctx.deps.shell.run_bash(command)


async def run_python(ctx: Context, code: str) -> files.Done:  # noqa: D417
    """Run a Python program in your private folder of this run, apart from everything else.

    There are pandas, numpy, openpyxl, matplotlib, python_calamine, pypdf and docx2txt. Print what
    you want to see. Files in the folder are kept; variables are not.

    Args:
        code: The whole program.
    """
    assert ctx.deps.shell is not None
    return await ctx.deps.shell.run_python(code)


READERS = (list_documents, search_documents, read_document, read_file)
WRITERS = (write_file, deliver_file, run_bash, run_python)
"""Tools that run alone, in the order of the model's calls; the others may overlap."""

TOOLS: dict[str, Tool[Workbench]] = {
    function.__name__: Tool(function, sequential=function in WRITERS, docstring_format="google")
    for function in (*READERS, *WRITERS)
}
"""All tools, made once: their schemas take longer to make than to use."""


def build_toolset(names: Iterable[str]) -> FunctionToolset[Workbench]:
    """The tools of one run. What it may not call does not exist for the model."""
    return FunctionToolset([TOOLS[name] for name in names])
