"""Who asks on the command line: the owner of a workspace, or the holder of a token in a team."""

from typing import TYPE_CHECKING

import click

from lamplighter.cli.context import Context
from lamplighter.errors import NotSignedIn

if TYPE_CHECKING:
    from lamplighter.accounts import Caller
    from lamplighter.roster import Roster

token_option = click.option(
    "--token", envvar="LAMPLIGHTER_TOKEN", help="In a team: yours; or LAMPLIGHTER_TOKEN."
)


def identify_asker(context: Context, token: str | None, right: str) -> "tuple[Roster, Caller]":
    """The workspace, and who asks.

    Raises:
        NotSignedIn: It is a team's, and this is no token of anybody's.
        Forbidden: The token is not good for ``right``.
    """
    from lamplighter.accounts import OWNER_ID, Caller, identify
    from lamplighter.roster import Roster
    from lamplighter.store.database import open_database

    settings = context.settings()
    home = Roster(settings, open_database(settings.database))
    if not settings.team:
        return home, Caller(OWNER_ID, admin=True)
    caller = identify(settings, home.engine, token=token) if token else None
    if caller is None:
        raise NotSignedIn(f"show a token that is good for {right}: --token, or LAMPLIGHTER_TOKEN")
    caller.require(right)
    return home, caller
