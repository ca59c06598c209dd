"""``lamplighter worker``."""

from functools import partial

import click

from lamplighter.cli.context import Context
from lamplighter.cli.foreground import drain_option, run_in_foreground
from lamplighter.errors import InvalidSettings


@click.command()
@drain_option
@click.pass_obj
def command(context: Context, drain: float) -> None:
    """Carry out runs beside other workers on the same PostgreSQL, until Ctrl-C.

    Any number of workers on any number of machines; each also fires schedules if AGENTS_ENABLED
    is true. The runs of a worker that dies go on in the others within seconds.

    \b
    Example:
      LAMPLIGHTER_DATABASE_URL=postgresql://db/lamplighter lamplighter worker
    """
    settings = context.settings()
    if not settings.database_url:
        raise InvalidSettings(
            "a SQLite workspace has one process, and that is: lamplighter serve",
            hint="set LAMPLIGHTER_DATABASE_URL=postgresql://... for more of them",
        )
    from lamplighter.web.server import work

    run_in_foreground(partial(work, settings, drain_seconds=drain))
