"""``lamplighter source``: add, login, test, remove."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, printable

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from lamplighter.config import Settings
    from lamplighter.credentials import Keyring
    from lamplighter.source_config import OAuth2

FIELDS = {
    "mail": "password",
    "calendar": "password",
    "slack": "token",
    "jira": "token",
    "github": "token",
    "mcp": "token",
    "files": "password",
}
"""What a source of each type signs in with, unless it is told otherwise."""


@click.command()
@click.argument("name")
@click.argument("kind", metavar="TYPE")
@click.argument("pairs", metavar="[KEY=VALUE]...", nargs=-1)
@click.pass_obj
def add(context: Context, name: str, kind: str, pairs: tuple[str, ...]) -> None:
    """Write a new source into lamplighter.toml.

    TYPE is files, mail, calendar, feeds, slack, jira, github, rowboat_sync, mcp, or what another
    package brings. Secrets are not given here: afterwards use `lamplighter source login NAME`, or
    put them into .env and refer to them, like password=env:MAIL_PASSWORD.

    \b
    Examples:
      lamplighter source add notes files path=~/notes
      lamplighter source add mail mail host=imap.example.org user=ann@example.org
      lamplighter source add news feeds urls=https://example.org/atom.xml every=1h
      lamplighter source add tracker github repositories=owner/name token=env:GITHUB_TOKEN
      lamplighter source add docs files path=s3://bucket/docs options.anon=true
    """
    from lamplighter.errors import InvalidInput
    from lamplighter.source_file import add_source, read_pairs
    from lamplighter.sources import list_types

    if kind not in list_types():
        known = ", ".join(list_types())
        raise InvalidInput(f"there is no type of sources {kind!r}", hint=f"there are: {known}")
    table = {"type": kind, **read_pairs(pairs)}
    add_source(context.folder(), name, table)
    signs_in = kind in FIELDS and kind not in ("files", "mcp") and "path" not in table
    given = FIELDS.get(kind) in table
    following = "login" if signs_in and not given else "sync"
    click.echo(f"Added {name} to lamplighter.toml. Next: lamplighter source {following} {name}")


@click.command()
@click.argument("name")
@click.option("--field", help="What to store.  [default: password or token, as the type has it]")
@click.option(
    "--expires", type=click.DateTime(["%Y-%m-%d"]), help="The day on which it stops working."
)
@click.pass_obj
def login(context: Context, name: str, field: str | None, expires: datetime | None) -> None:
    """Give the password or token of a source, or sign in with the browser (OAuth 2.0).

    It is asked for, or read from standard input, and stored encrypted with the key file
    (LAMPLIGHTER_KEY_FILE; by default .lamplighter/key).

    \b
    Examples:
      lamplighter source login mail
      lamplighter source login tracker --expires 2027-03-01 < token.txt
      lamplighter source login docs --field secret
    """
    settings, engine = _opened(context, name)
    keyring = _keyring(engine, settings, name)
    oauth2: OAuth2 | None = getattr(settings.sources[name], "oauth2", None)
    until = expires.replace(tzinfo=UTC) if expires else None
    if oauth2 and field is None:
        from lamplighter.cli.sign_in import sign_in

        sign_in(name, oauth2, keyring)
    else:
        wanted = field or FIELDS.get(settings.sources[name].type, "token")
        keyring.put({wanted: _asked(wanted)}, until)
    click.echo(f"Stored. Try it: lamplighter source test {name}", err=True)


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def test(context: Context, names: tuple[str, ...], as_json: bool) -> int:
    """Sign in to the sources NAME, or to all, and look at the first item; store nothing.

    \b
    Examples:
      lamplighter source test
      lamplighter source test mail --json

    Exit code 1: one does not work.
    """
    from lamplighter.errors import Unreadable
    from lamplighter.store.database import open_database
    from lamplighter.sync import choose_sources, try_source

    settings = context.settings()
    engine = open_database(settings.database)
    results: list[dict[str, Any]] = []
    for name in choose_sources(settings, names):
        try:
            try_source(engine, settings, name)
            results.append({"name": name, "works": True, "error": None})
        except Unreadable as error:
            results.append({"name": name, "works": False, "error": str(error)})
    if as_json:
        print_json(results)
    for each in [] if as_json else results:
        click.echo(printable(each["error"] or f"{each['name']}: works"), err=not each["works"])
    return int(not all(each["works"] for each in results))


@click.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(context: Context, name: str, yes: bool) -> None:
    """Take a source out of lamplighter.toml, with its documents and its credentials.

    What it reads from is not touched.

    \b
    Example:
      lamplighter source remove mail --yes
    """
    from lamplighter.source_file import remove_source
    from lamplighter.store.documents import forget_sources
    from lamplighter.store.sources import forget_source

    settings, engine = _opened(context, name)
    if not yes:
        click.confirm(f"Remove {name} and all that was read from it?", abort=True, err=True)
    remove_source(settings.workspace, name)
    with engine.begin() as connection:
        forget_source(connection, name)
        forget_sources(connection, but=settings.sources.keys() - {name})
    click.echo(f"Removed {printable(name)}.")


COMMANDS = (add, login, test, remove)


def _opened(context: Context, name: str) -> "tuple[Settings, Engine]":
    from lamplighter.store.database import open_database
    from lamplighter.sync import choose_sources

    settings = context.settings()
    choose_sources(settings, [name])
    return settings, open_database(settings.database)


def _keyring(engine: "Engine", settings: "Settings", name: str) -> "Keyring":
    from lamplighter.credentials import Keyring

    return Keyring(engine, settings.key_path, name, settings.sources[name])


def _asked(field: str) -> str:
    """The secret, typed unseen or piped."""
    if sys.stdin.isatty():
        answer: str = click.prompt(field.capitalize(), hide_input=True, err=True)
        return answer
    return sys.stdin.readline().rstrip("\r\n")
