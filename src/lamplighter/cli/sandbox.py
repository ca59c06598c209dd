"""``lamplighter sandbox``: where the commands of agents run."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_fields, print_json, printable

if TYPE_CHECKING:
    from lamplighter.config import Settings


CONTAINER = "container"
SETUP = "lamplighter sandbox setup"


@click.group()
def group() -> None:
    """Where the commands of agents run: apart from this machine, or not at all."""


@group.command()
@click.pass_obj
def setup(context: Context) -> int:
    """Build the toolbox, and see whether sandboxes work.

    The toolbox is a Python of its own for agents, with pandas, numpy, openpyxl, matplotlib,
    python-calamine, pypdf, docx2txt and the program excel. Once for all workspaces; about 270 MB go
    into your cache. Sandboxes work without it too, but there is only a bare Python in them.

    \b
    Examples:
      lamplighter sandbox setup

    Exit code 1: sandboxes do not work here, so agents run no commands; says why.
    """
    from lamplighter.sandbox.toolbox import build_toolbox

    with _progress() as tell:
        toolbox = build_toolbox(tell)
    click.echo(f"toolbox: {toolbox}")
    data = _status(_settings(context))
    _print(data)
    return 0 if data["ready"] else 1


@group.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def status(context: Context, as_json: bool) -> int:
    """Say whether sandboxes work here, what is in them, and what they may use.

    This opens one and looks from the inside whether it holds.

    \b
    Examples:
      lamplighter sandbox status
      lamplighter sandbox status --json

    Exit code 1: they do not work, so agents run no commands.
    """
    data = _status(_settings(context))
    if as_json:
        print_json(data)
    else:
        _print(data)
    return 0 if data["ready"] else 1


@group.command()
def excel() -> None:
    """Print the toolbox's program excel, for the image of a container.

    \b
    Examples:
      lamplighter sandbox excel > excel
    """
    from lamplighter.sandbox.toolbox import read_excel

    click.echo(read_excel("/usr/bin/env python3"), nl=False)


def _status(settings: "Settings") -> dict[str, Any]:
    from lamplighter.sandbox.choice import check_backend, choose_backend
    from lamplighter.sandbox.toolbox import is_built, list_host_tools, toolbox_path

    backend = choose_backend(settings)
    readiness = check_backend(backend)
    has_ours = backend is None or backend.name != CONTAINER
    return {
        "ready": readiness.is_ready,
        "backend": readiness.backend,
        "problem": readiness.problem,
        "advice": readiness.advice,
        "toolbox": str(toolbox_path()) if has_ours and is_built() else None,
        "host_tools": list_host_tools() if has_ours else [],
        "limits": {
            "command_seconds": settings.sandbox_command_seconds,
            "memory_mb": settings.sandbox_memory_mb,
            "processes": settings.sandbox_processes,
            "disk_mb": settings.sandbox_disk_mb,
            "output_kb": settings.sandbox_output_kb,
        },
    }


def _print(data: dict[str, Any]) -> None:
    limits = data["limits"]
    lacking = "what the image has" if data["backend"] == CONTAINER else f"not built: {SETUP}"
    state = "ready" if data["ready"] else f"not ready: {data['problem']}"
    print_fields(
        [
            ("sandbox", f"{data['backend']}, {state}"),
            ("to do", data["advice"] or None),
            ("toolbox", data["toolbox"] or lacking),
            ("of the host", ", ".join(data["host_tools"]) or "nothing more"),
            ("a command", f"{limits['command_seconds']:g} s, {limits['output_kb']} kB of output"),
            (
                "a run",
                f"{limits['memory_mb']} MB, {limits['disk_mb']} MB of files, "
                f"{limits['processes']} processes",
            ),
        ]
    )


def _settings(context: Context) -> "Settings":
    """The workspace's settings; outside of any workspace, what the environment says."""
    from lamplighter.config import Settings
    from lamplighter.errors import NotFound

    try:
        return context.settings()
    except NotFound:
        if context.workspace:
            raise
        return Settings(workspace=Path.cwd())


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Shows what is going on: one line that changes on a terminal, else a line for each step."""
    if not sys.stderr.isatty():
        yield lambda line: click.echo(printable(line), err=True)
        return
    from rich.console import Console

    with Console(stderr=True).status("building the toolbox") as shown:
        yield lambda line: shown.update(printable(line)[:100])
