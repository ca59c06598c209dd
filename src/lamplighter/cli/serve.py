"""``lamplighter serve``."""

from functools import partial
from typing import TYPE_CHECKING

import click

from lamplighter.cli.context import Context
from lamplighter.cli.foreground import drain_option, run_in_foreground
from lamplighter.cli.output import print_problems

if TYPE_CHECKING:
    from lamplighter.config import Settings


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="0 takes any.  [default: 8321]")
@click.option("--observe", is_flag=True, help="Say what would fire, and fire nothing.")
@drain_option
@click.pass_obj
def command(
    context: Context, host: str | None, port: int | None, observe: bool, drain: float
) -> None:
    """Let the agents of a workspace make their rounds, until Ctrl-C.

    Agent files and sources are watched: a saved change counts at once. Runs that do not end
    within the drain time go on when the workspace is served again.

    \b
    Examples:
      lamplighter serve
      lamplighter -w ~/agents serve --port 9000
      AGENTS_ENABLED=true lamplighter serve
      lamplighter -w ~/.rowboat serve --observe
    """
    settings = context.settings(host=host, port=port)
    # After the settings, which are quick: this imports the whole engine.
    from lamplighter.web.server import serve
    from lamplighter.workspace import config_problems, is_rowboat, unknown_keys

    print_problems([*unknown_keys(settings.workspace), *config_problems(settings)])
    click.echo(_say_what_fires(settings, observe, is_rowboat(settings.workspace)), err=True)
    run_in_foreground(partial(serve, settings, drain_seconds=drain, observes=observe))


def _say_what_fires(settings: "Settings", observe: bool, is_rowboat: bool) -> str:
    if observe:
        return "Observing: nothing fires"
    if not settings.agents_enabled:
        return "Schedules do not fire: AGENTS_ENABLED is false. Set AGENTS_ENABLED=true in .env"
    kind = "This is a Rowboat folder. " if is_rowboat else ""
    return f"{kind}Schedules fire; AGENTS_ENABLED=false would stop that"
