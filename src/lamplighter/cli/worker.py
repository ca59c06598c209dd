"""``lamplighter worker``."""

import asyncio
import logging

import click

from lamplighter.cli.context import Context
from lamplighter.errors import InvalidSettings


@click.command()
@click.option(
    "--drain",
    default=10.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Seconds to wait at the end for runs that are under way.",
)
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

    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("lamplighter").setLevel(logging.INFO)
    asyncio.run(work(settings, drain_seconds=drain, say=lambda text: click.echo(text, err=True)))
