"""``lamplighter people``: search, import, merge."""

from pathlib import Path

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, print_table
from lamplighter.cli.user import open_engine


@click.group()
def group() -> None:
    """People: an imported directory, members, and who wrote the documents."""


@group.command()
@click.argument("words", metavar="[QUERY]", nargs=-1)
@click.option("--department", help="Only in this department.")
@click.option("--team", help="Only in this team.")
@click.option("--office", help="Only in this office.")
@click.option("--manager", help="Only who reports to this person.")
@click.option("--title", help="Only with this title.")
@click.option("--as", "user", metavar="USER", help="What this user would find; an e-mail address.")
@click.option("--limit", type=click.IntRange(1, 50), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def search(
    context: Context,
    /,
    words: tuple[str, ...],
    user: str | None,
    limit: int,
    as_json: bool,
    **where: str | None,
) -> None:
    """Find people by the beginnings of names, addresses, teams and titles.

    \b
    Examples:
      lamplighter people search ann
      lamplighter people search --manager "Ann Berg" --json
    """
    from lamplighter.cli.search import scope_of
    from lamplighter.search.people import search_people
    from lamplighter.tools.people import describe_person

    engine = open_engine(context)
    scope = scope_of(engine, user, context.settings().sources)
    asked = {name: value for name, value in where.items() if value}
    found = search_people(engine, scope, " ".join(words), where=asked, limit=limit)
    if as_json:
        print_json([describe_person(person) for person in found])
    elif not found:
        click.echo("Nobody was found.", err=True)
    else:
        rows = [
            (each.name, ", ".join(each.addresses), each.title, each.department, each.manager)
            for each in found
        ]
        print_table(("NAME", "ADDRESSES", "TITLE", "DEPARTMENT", "MANAGER"), rows)


@group.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--group", "groups", multiple=True, help="Only this group may see them.")
@click.pass_obj
def import_(context: Context, file: Path, groups: tuple[str, ...]) -> None:
    """Replace the directory by the people in FILE: CSV with a header, or LDIF.

    Columns: name (or first name, last name), email (several: "a@x.org; b@x.org"), title,
    department, team, manager, office, employee type, phone.

    \b
    Examples:
      lamplighter people import staff.csv
      lamplighter people import staff.ldif --group x.org
    """
    from lamplighter.access import EVERYBODY, Access
    from lamplighter.sources.directory import read_people
    from lamplighter.store.people import DIRECTORY, save_people

    people = read_people(file, Access(groups=groups) if groups else EVERYBODY)
    with open_engine(context).begin() as connection:
        save_people(connection, DIRECTORY, people)
    click.echo(f"Imported: {len(people)} people")


@group.command()
@click.argument("addresses", nargs=-1, required=True)
@click.pass_obj
def merge(context: Context, addresses: tuple[str, ...]) -> None:
    """Say that all these ADDRESSES are one person's.

    \b
    Examples:
      lamplighter people merge ann@x.org ann.berg@home.example
    """
    from lamplighter.store.people import merge_addresses

    if len(addresses) < 2:
        raise click.UsageError("Give at least two addresses.")
    with open_engine(context).begin() as connection:
        merge_addresses(connection, addresses)
    click.echo(f"One person: {', '.join(addresses)}")
