"""``lamplighter search``."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, printable

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from lamplighter.access import Scope
    from lamplighter.search.index import Hit

UNSYNCED = "Nothing has been read yet. First: lamplighter source sync"


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("words", metavar="QUERY", nargs=-1, required=True)
@click.option("--source", "names", multiple=True, help="Only in this source; can be repeated.")
@click.option("--as", "user", metavar="USER", help="What this user would find; an e-mail address.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@click.option("--offset", type=click.IntRange(0), default=0, help="How many of the best to skip.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def command(  # noqa: PLR0913 - options are arguments
    context: Context,
    words: tuple[str, ...],
    names: tuple[str, ...],
    user: str | None,
    limit: int,
    offset: int,
    as_json: bool,
) -> None:
    """Search the documents for QUERY, best match first.

    QUERY is words, "phrases" and -words that must not be there; and in:SOURCE, from:NAME,
    type:KIND (email, file, pdf, ...), after:DAY, before:DAY (2026-10-05, 2026-10, 7d). Without
    words it lists what there is, newest first.

    \b
    Examples:
      lamplighter search budget 2027
      lamplighter search '"annual report" -draft' --source notes --limit 5
      lamplighter search 'from:ann type:pdf after:2026-10'
      lamplighter search invoice --as ann@x.org --json
    """
    from lamplighter.search.index import Ranking, search_documents
    from lamplighter.store.database import open_database
    from lamplighter.store.documents import list_sources
    from lamplighter.sync import choose_sources
    from lamplighter.tools.documents import describe_hit

    settings = context.settings()
    engine = open_database(settings.database)
    chosen = choose_sources(settings, names)
    hits = search_documents(
        engine,
        scope_of(engine, user, chosen),
        " ".join(words),
        limit=limit,
        offset=offset,
        ranking=Ranking.of(settings),
    ).hits
    states = list_sources(engine)
    if not any(name in states and states[name].synced_at for name in chosen):
        click.echo(UNSYNCED, err=True)
    if as_json:
        print_json([describe_hit(hit) for hit in hits])
    else:
        _print_hits(hits)


def scope_of(engine: "Engine", user: str | None, sources: Iterable[str]) -> "Scope":
    """What a user may see; without one, the owner of a personal workspace.

    Raises:
        NotFound: There is no such user.
    """
    from lamplighter.access import OWNER, Scope
    from lamplighter.store.users import principals_of

    return Scope.of(principals_of(engine, user) if user else [OWNER], sources)


def _print_hits(hits: "Sequence[Hit]") -> None:
    if not hits:
        click.echo("Nothing found.", err=True)
    for hit in hits:
        info = hit.document
        by = f", {info.author or info.author_address}" if info.author or info.author_address else ""
        click.secho(printable(f"{info.title} ({info.dated_at:%Y-%m-%d}{by})"), bold=True)
        click.echo(f"  {printable(info.id)}")
        if info.url:
            click.echo(f"  {printable(info.url)}")
        if hit.snippet.text:
            click.echo(f"  {_shown(hit)}")
        click.echo()


def _shown(hit: "Hit") -> str:
    parts, place, text = [], 0, hit.snippet.text
    for start, end in hit.snippet.highlights:
        parts += [printable(text[place:start]), click.style(printable(text[start:end]), bold=True)]
        place = end
    return "".join([*parts, printable(text[place:])])
