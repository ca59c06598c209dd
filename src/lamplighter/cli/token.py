"""``lamplighter token``: create, list, revoke."""

from typing import TYPE_CHECKING

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, print_table
from lamplighter.errors import InvalidInput

if TYPE_CHECKING:
    from sqlalchemy import Engine

user_option = click.option("--user", help="Whose; in a team it has to be said.")


@click.group()
def group() -> None:
    """API tokens: what programs show instead of signing in."""


@group.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, help="read, run, write or admin; repeatable.")
@click.option(
    "--days", default=90.0, show_default=True, type=click.FloatRange(min=0, min_open=True)
)
@click.option("--forever", is_flag=True, help="It opens until it is revoked.")
@user_option
@click.pass_obj
def create(
    context: Context,
    name: str,
    scopes: tuple[str, ...],
    days: float,
    forever: bool,
    user: str | None,
) -> None:
    """Make a token called NAME, and print it: it is never shown again.

    \b
    Examples:
      lamplighter token create backup --scope read
      lamplighter token create ci --scope read --scope run --user ann@example.org
    """
    from lamplighter.accounts import make_token

    engine, owner = _open(context, user)
    kept = None if forever else days
    token, text = make_token(engine, owner, name, scopes or ("read",), kept)
    until = f"until {token.expires_at:%Y-%m-%d}" if token.expires_at else "until it is revoked"
    click.echo(f"{token.id} opens {', '.join(token.scopes)} for {owner} {until}.", err=True)
    click.echo(text)


@group.command("list")
@user_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def list_(context: Context, user: str | None, as_json: bool) -> None:
    """List tokens, without their secrets.

    \b
    Example:
      lamplighter token list --user ann@example.org --json
    """
    from lamplighter.store.tokens import Token, list_tokens

    found = list_tokens(*_open(context, user))
    if as_json:
        fields = Token.__slots__
        data = [{name: getattr(token, name) for name in fields} for token in found]
        print_json([{**each, **_moments(each)} for each in data])
    elif not found:
        click.echo("No tokens.")
    else:
        rows = ([each.id, each.name, ", ".join(each.scopes), _state(each)] for each in found)
        print_table(["token", "name", "scopes", "state"], rows)


@group.command()
@click.argument("token_id", metavar="ID")
@user_option
@click.pass_obj
def revoke(context: Context, token_id: str, user: str | None) -> None:
    """Let the token ID open nothing any more.

    \b
    Example:
      lamplighter token revoke 3f0c5a1be2d94c77
    """
    from lamplighter import clock
    from lamplighter.store.audit import note
    from lamplighter.store.tokens import revoke_token

    engine, owner = _open(context, user)
    with engine.begin() as connection:
        revoke_token(connection, owner, token_id, clock.now())
        note(connection, "", "token.revoke", token_id, now=clock.now())
    click.echo(f"{token_id} opens nothing any more.")


def _open(context: Context, user: str | None) -> "tuple[Engine, str]":
    """The database, and whose tokens are meant."""
    from lamplighter.accounts import OWNER_ID
    from lamplighter.store.database import open_database
    from lamplighter.store.users import get_user

    settings = context.settings()
    engine = open_database(settings.database)
    if not settings.team:
        return engine, OWNER_ID
    if user is None:
        raise InvalidInput("say whose, with --user ADDRESS")
    return engine, get_user(engine, user).id


def _moments(data: dict[str, object]) -> dict[str, object]:
    from lamplighter.cli.timeline import iso

    return {name: iso(value) for name, value in data.items() if name.endswith("_at")}  # type: ignore[arg-type]


def _state(token: object) -> str:
    from lamplighter import clock
    from lamplighter.store.tokens import Token

    assert isinstance(token, Token)
    if token.revoked_at:
        return "revoked"
    return "valid" if token.is_valid(clock.now()) else "expired"
