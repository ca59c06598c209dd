"""``lamplighter user``: add, list, remove."""

from typing import TYPE_CHECKING, Any

import click

from lamplighter import clock
from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, print_table

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from lamplighter.store.users import User


@click.group()
def group() -> None:
    """Users: who they are, by their e-mail addresses, decides which documents they see.

    A workspace without users is personal: its owner sees everything in it.
    """


@group.command()
@click.argument("address")
@click.option("--name", default="", help="The full name.")
@click.option("--address", "others", multiple=True, help="Another address; can be repeated.")
@click.option("--admin", is_flag=True, help="May manage users, groups and sources.")
@click.pass_obj
def add(context: Context, address: str, name: str, others: tuple[str, ...], admin: bool) -> None:
    """Add the user with this e-mail ADDRESS. Everybody at a domain is a group of that name.

    \b
    Examples:
      lamplighter user add ann@x.org --name "Ann Berg" --admin
      lamplighter user add bo@x.org --address bo@home.example
    """
    from lamplighter.store.users import add_user

    with open_engine(context).begin() as connection:
        add_user(connection, address, clock.now(), name=name, others=others, admin=admin)
    click.echo(f"Added: {address}")


@group.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def list_(context: Context, as_json: bool) -> None:
    """List the users.

    \b
    Examples:
      lamplighter user list
      lamplighter user list --json
    """
    from lamplighter.store.users import list_users

    users = list_users(open_engine(context))
    if as_json:
        print_json([_data(user) for user in users])
    elif not users:
        click.echo("No users: this workspace is personal.")
    else:
        rows = [
            (user.id, user.name, "admin" if user.admin else "", ", ".join(user.addresses[1:]))
            for user in users
        ]
        print_table(("ADDRESS", "NAME", "", "ALSO"), rows)


@group.command()
@click.argument("address")
@click.pass_obj
def remove(context: Context, address: str) -> None:
    """Remove the user with this ADDRESS, also from all groups.

    \b
    Examples:
      lamplighter user remove bo@x.org
    """
    from lamplighter.store.users import remove_user

    with open_engine(context).begin() as connection:
        remove_user(connection, address)
    click.echo(f"Removed: {address}")


def open_engine(context: Context) -> "Engine":
    """The workspace's database."""
    from lamplighter.store.database import open_database

    return open_database(context.settings().database)


def _data(user: "User") -> dict[str, Any]:
    from lamplighter.cli.timeline import iso

    return {
        "id": user.id,
        "name": user.name,
        "admin": user.admin,
        "addresses": list(user.addresses),
        "created_at": iso(user.created_at),
    }
