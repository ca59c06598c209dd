"""``lamplighter search``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, printable

if TYPE_CHECKING:
    from lamplighter.search.index import Hit

UNSYNCED = "Nothing has been read yet. First: lamplighter source sync"


@click.command()
@click.argument("words", metavar="QUERY", nargs=-1, required=True)
@click.option("--source", "names", multiple=True, help="Only in this source; can be repeated.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def command(
    context: Context, words: tuple[str, ...], names: tuple[str, ...], limit: int, as_json: bool
) -> None:
    """Search the documents for QUERY, best match first.

    Finds what has all the words, or any of them if nothing has all. Words in quotes are a phrase.

    \b
    Examples:
      lamplighter search budget 2027
      lamplighter search '"annual report" draft' --source notes --limit 5
      lamplighter search invoice --json
    """
    from lamplighter.access import OWNER, Scope
    from lamplighter.search.index import search_documents
    from lamplighter.store.database import open_database
    from lamplighter.store.documents import list_sources
    from lamplighter.sync import choose_sources

    settings = context.settings()
    engine = open_database(settings.database)
    chosen = choose_sources(settings, names)
    hits = search_documents(engine, Scope.of([OWNER], chosen), " ".join(words), limit=limit).hits
    states = list_sources(engine)
    if not any(name in states and states[name].synced_at for name in chosen):
        click.echo(UNSYNCED, err=True)
    if as_json:
        print_json([_found(hit) for hit in hits])
    else:
        _print_hits(hits)


def _found(hit: "Hit") -> dict[str, Any]:
    info = hit.document
    return {
        "id": info.id,
        "title": info.title,
        "source": info.source,
        "date": f"{info.dated_at:%Y-%m-%d}",
        "snippet": hit.snippet.text,
    }


def _print_hits(hits: "Sequence[Hit]") -> None:
    if not hits:
        click.echo("Nothing found.", err=True)
    for hit in hits:
        info = hit.document
        click.secho(f"{printable(info.title)} ({info.dated_at:%Y-%m-%d})", bold=True)
        click.echo(f"  {printable(info.id)}\n  {printable(hit.snippet.text)}\n")
