"""``lamplighter user``: create, list, password, link, deactivate, activate, remove."""

import sys
from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, print_table

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from lamplighter.config import Settings
    from lamplighter.store.users import User

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
OPERATOR = ""
"""Who works at the command line, for the audit log: whoever may read the database."""


@click.group()
def group() -> None:
    """Users: who they are, by their e-mail addresses, decides which documents they see.

    In the workspace of a team ([team] in lamplighter.toml) they sign in.
    """


@group.command()
@click.argument("address")
@click.option("--name", default="", help="What they are called.")
@click.option("--admin", is_flag=True, help="They may do what admins do.")
@click.option("--address", "others", multiple=True, help="Another address; can be repeated.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.pass_obj
def create(
    context: Context,
    address: str,
    name: str,
    admin: bool,
    others: tuple[str, ...],
    password_stdin: bool,
) -> None:
    """Add a user with the e-mail address ADDRESS, and make a link that signs them in once.

    \b
    Examples:
      lamplighter user create ann@example.org --admin
      lamplighter user create bo@example.org --password-stdin < password.txt
    """
    from lamplighter import accounts, clock
    from lamplighter.store.audit import note
    from lamplighter.store.users import add_user

    settings, engine = _open(context)
    now = clock.now()
    with engine.begin() as connection:
        add_user(connection, address, now, name=name, others=others, admin=admin)
        note(connection, OPERATOR, "user.create", address, now=now, detail={"admin": admin})
    click.echo(f"{address} is {'an admin' if admin else 'a user'} now.", err=True)
    if password_stdin:
        accounts.set_password(engine, address, _read_password(), by=OPERATOR)
    elif settings.team:
        _say_link(settings, engine, address)


group.add_command(create, "add")


@group.command("list")
@as_json
@click.pass_obj
def list_(context: Context, as_json: bool) -> None:
    """List the users.

    \b
    Examples:
      lamplighter user list
      lamplighter user list --json
    """
    from lamplighter.store.users import list_users

    found = list_users(_open(context)[1])
    if as_json:
        print_json([_data(user) for user in found])
    elif not found:
        click.echo("No users. Add one with: lamplighter user create ADDRESS --admin")
    else:
        print_table(["user", "name", "role", "state", "also"], map(_row, found))


@group.command()
@click.argument("address")
@click.option("--password-stdin", is_flag=True, help="Read it from standard input.")
@click.pass_obj
def password(context: Context, address: str, password_stdin: bool) -> None:
    """Give the user ADDRESS another password; their sessions end.

    \b
    Example:
      lamplighter user password ann@example.org
    """
    from lamplighter import accounts

    _, engine = _open(context)
    new = (
        _read_password()
        if password_stdin
        else click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
    )
    accounts.set_password(engine, address, new, by=OPERATOR)
    click.echo(f"{address} has a new password.", err=True)


@group.command()
@click.argument("address")
@click.pass_obj
def link(context: Context, address: str) -> None:
    """Make a link that signs the user ADDRESS in once, within a day.

    \b
    Example:
      lamplighter user link ann@example.org
    """
    settings, engine = _open(context)
    _say_link(settings, engine, address)


@group.command()
@click.argument("address")
@click.pass_obj
def deactivate(context: Context, address: str) -> None:
    """Let the user ADDRESS do nothing any more, at once: neither they, nor their agents.

    \b
    Example:
      lamplighter user deactivate bo@example.org
    """
    from lamplighter import accounts
    from lamplighter.engine.control import wake_engine

    settings, engine = _open(context)
    accounts.deactivate(engine, address, by=OPERATOR)
    wake_engine(engine, settings.state_dir)
    click.echo(f"{address} is deactivated.")


@group.command()
@click.argument("address")
@click.pass_obj
def activate(context: Context, address: str) -> None:
    """Let the user ADDRESS in again; their agents go on.

    \b
    Example:
      lamplighter user activate bo@example.org
    """
    from lamplighter import accounts

    accounts.activate(_open(context)[1], address, by=OPERATOR)
    click.echo(f"{address} is active.")


@group.command()
@click.argument("address")
@click.pass_obj
def remove(context: Context, address: str) -> None:
    """Remove the user ADDRESS, also from all groups; their agents run no more.

    \b
    Example:
      lamplighter user remove bo@example.org
    """
    from lamplighter import accounts
    from lamplighter.engine.control import wake_engine

    settings, engine = _open(context)
    accounts.remove(engine, address, by=OPERATOR)
    wake_engine(engine, settings.state_dir)
    click.echo(f"Removed: {address}")


def open_engine(context: Context) -> "Engine":
    """The workspace's database."""
    return _open(context)[1]


def _open(context: Context) -> "tuple[Settings, Engine]":
    from lamplighter.store.database import open_database

    settings = context.settings()
    return settings, open_database(settings.database)


def _read_password() -> str:
    return sys.stdin.readline().rstrip("\r\n")


def _say_link(settings: "Settings", engine: "Engine", address: str) -> None:
    from lamplighter.accounts import make_link

    secret = make_link(settings, engine, address, by=OPERATOR)
    url = settings.team and settings.team.url
    click.echo(f"{(url or f'http://{settings.host}:{settings.port}').rstrip('/')}/open/{secret}")


def _data(user: "User") -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "admin": user.admin,
        "addresses": list(user.addresses),
        "created_at": user.created_at.isoformat(),
        "deactivated_at": user.deactivated_at and user.deactivated_at.isoformat(),
    }


def _row(user: "User") -> list[object]:
    state = "deactivated" if user.deactivated_at else "active"
    role = "admin" if user.admin else "member"
    return [user.id, user.name, role, state, ", ".join(user.addresses[1:])]
