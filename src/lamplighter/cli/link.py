"""``lamplighter link``."""

import click

from lamplighter.cli.context import Context
from lamplighter.errors import InvalidInput


@click.command()
@click.pass_obj
def command(context: Context) -> None:
    """Print a link that opens your workspace in the browser, once, within a day.

    \b
    Example:
      lamplighter link
    """
    from lamplighter.accounts import OWNER_ID, make_link
    from lamplighter.store.database import open_database

    settings = context.settings()
    if settings.team:
        raise InvalidInput(
            "this is the workspace of a team", hint="use: lamplighter user link ADDRESS"
        )
    secret = make_link(settings, open_database(settings.database), OWNER_ID, by=OWNER_ID)
    click.echo(f"http://{settings.host}:{settings.port}/open/{secret}")
