"""``lamplighter model``: see and fetch language models."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, print_table

if TYPE_CHECKING:
    from lamplighter.config import Settings

INTERRUPTED = 130


@click.group()
def group() -> None:
    """Language models: which there are, and the one that runs on this machine."""


@group.command()
@click.argument("name", type=click.Choice(["local"]))
@click.option("--yes", is_flag=True, help="Do not ask before downloading.")
@click.pass_obj
def pull(context: Context, name: str, yes: bool) -> int:
    """Fetch the model that runs on this machine.

    Once for all workspaces. About 1.1 GB go into your cache: Qwen2.5-Coder-1.5B-Instruct,
    Apache-2.0, verified by its SHA-256. A pull that was interrupted goes on where it stopped.
    LOCAL_MODEL_PATH names another GGUF file, or the address of one.

    \b
    Examples:
      lamplighter model pull local          ask, then fetch
      lamplighter model pull local --yes    fetch without asking
    """
    from lamplighter.models.weights import find_weights, pull_weights

    settings = _settings(context)
    if path := find_weights(settings):
        click.echo(f"already here: {path}")
        return 0
    _confirm(settings, yes)
    try:
        with _progress() as progress:
            path = pull_weights(settings, progress)
    except KeyboardInterrupt:
        click.echo("interrupted; go on with: lamplighter model pull local", err=True)
        return INTERRUPTED
    click.echo(f"ready: {path}")
    return 0


@group.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def list_(context: Context, as_json: bool) -> None:
    """List the models that could serve here.

    That is the local one, and those of providers whose key is set.
    Keys are looked for in the environment and in the workspace's .env; they are not shown.

    \b
    Examples:
      lamplighter model list
      lamplighter model list --json
    """
    from lamplighter.models.resolve import KEYS, choose_model

    settings = _settings(context)
    local = _local(settings)
    keys = [{"key": key, "set": bool(os.environ.get(key)), "model": KEYS[key]} for key in KEYS]
    default = choose_model(None, settings)
    if as_json:
        print_json({"default": default, "local": local, "keys": keys})
        return
    click.echo(f"Default: {default}\n")
    state = (
        f"ready, {local['path']}" if local["present"] else "absent: lamplighter model pull local"
    )
    if not local["installed"]:
        state += '; pip install "lamplighter[local]"'
    rows = [(KEYS[key], f"{key} {'set' if os.environ.get(key) else 'not set'}") for key in KEYS]
    print_table(("model", "state"), [("local", state), *rows])


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


def _local(settings: "Settings") -> dict[str, object]:
    from importlib.util import find_spec

    from lamplighter.models.weights import find_weights, weights_path

    found = find_weights(settings)
    return {
        "present": found is not None,
        "path": str(weights_path(settings)),
        "size_bytes": found.stat().st_size if found else None,
        "installed": find_spec("xllamacpp") is not None,
    }


def _confirm(settings: "Settings", yes: bool) -> None:
    from lamplighter.models.weights import QWEN, weights_path

    if yes or settings.local_model_path:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is here to say yes to a download of 1.1 GB; add --yes")
    question = f"Download {QWEN.size_bytes / 1e9:.1f} GB to {weights_path(settings).parent}?"
    click.confirm(question, default=True, abort=True, err=True)


@contextmanager
def _progress() -> Iterator[Callable[[int, int | None], None]]:
    """Shows how far a download is: a bar on a terminal, else a line for every tenth."""
    if not sys.stderr.isatty():
        yield _line_progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn
    from rich.progress import TransferSpeedColumn as SpeedColumn

    columns = (BarColumn(), DownloadColumn(), SpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("pull", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _line_progress() -> Callable[[int, int | None], None]:
    last = -1

    def tell(done: int, total: int | None) -> None:
        nonlocal last
        step = done * 10 // total if total else done // 100_000_000
        if step > last:
            last = step
            of = f" of {total / 1e6:,.0f}" if total else ""
            click.echo(f"{done / 1e6:,.0f}{of} MB", err=True)

    return tell
