"""``lamplighter serve``."""

from functools import partial

import click

from lamplighter.cli.context import Context
from lamplighter.cli.foreground import drain_option, run_in_foreground
from lamplighter.cli.output import print_problems


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="0 takes any.  [default: 8321]")
@drain_option
@click.pass_obj
def command(context: Context, host: str | None, port: int | None, drain: float) -> None:
    """Let the agents of a workspace make their rounds, until Ctrl-C.

    Agent files and sources are watched: a saved change counts at once. Runs that do not end
    within the drain time go on when the workspace is served again.

    \b
    Examples:
      lamplighter serve
      lamplighter -w ~/agents serve --port 9000
      AGENTS_ENABLED=true lamplighter serve
    """
    settings = context.settings(host=host, port=port)
    # After the settings, which are quick: this imports the whole engine.
    from lamplighter.web.server import serve
    from lamplighter.workspace import unknown_keys

    print_problems(unknown_keys(settings.workspace))
    if not settings.agents_enabled:
        click.echo(
            "Schedules do not fire: AGENTS_ENABLED is false. Set AGENTS_ENABLED=true in .env",
            err=True,
        )
    run_in_foreground(partial(serve, settings, drain_seconds=drain))
