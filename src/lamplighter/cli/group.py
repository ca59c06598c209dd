"""``lamplighter group``: add, list, remove."""

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, print_table
from lamplighter.cli.user import open_engine

MEMBER = "An e-mail address, or group:NAME; can be repeated."


@click.group()
def group() -> None:
    """Groups of users; a document that a group may see, each member sees."""


@group.command()
@click.argument("name")
@click.option("--member", "members", multiple=True, help=MEMBER)
@click.pass_obj
def add(context: Context, name: str, members: tuple[str, ...]) -> None:
    """Add the group NAME, or members to it. A group may be in a group.

    NAME is what sources call it: a word, or the group's own e-mail address. A domain needs no
    group: everybody with an address there is in it.

    \b
    Examples:
      lamplighter group add eng --member ann@x.org --member bo@x.org
      lamplighter group add staff --member group:eng --member group:x.org
    """
    from lamplighter.store.users import add_group

    with open_engine(context).begin() as connection:
        add_group(connection, name, members)
    click.echo(f"Added: {name}")


@group.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def list_(context: Context, as_json: bool) -> None:
    """List the groups and who is in them, also those that sources define.

    \b
    Examples:
      lamplighter group list
      lamplighter group list --json
    """
    from lamplighter.store.users import list_groups

    found = list_groups(open_engine(context))
    if as_json:
        print_json(
            [
                {"name": each.name, "source": each.source, "members": list(each.members)}
                for each in found
            ]
        )
    elif not found:
        click.echo("No groups.")
    else:
        rows = [
            (each.name, each.source, ", ".join(m.removeprefix("user:") for m in each.members))
            for each in found
        ]
        print_table(("GROUP", "SOURCE", "MEMBERS"), rows)


@group.command()
@click.argument("name")
@click.option("--member", "members", multiple=True, help=f"Only this member. {MEMBER}")
@click.pass_obj
def remove(context: Context, name: str, members: tuple[str, ...]) -> None:
    """Remove the group NAME, or only some of its members.

    \b
    Examples:
      lamplighter group remove eng --member bo@x.org
      lamplighter group remove eng
    """
    from lamplighter.store.users import remove_group, remove_members

    with open_engine(context).begin() as connection:
        if members:
            remove_members(connection, name, members)
        else:
            remove_group(connection, name)
    click.echo(f"Removed: {', '.join(members) or name}")
