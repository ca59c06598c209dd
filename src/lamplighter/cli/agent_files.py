"""``lamplighter agent apply`` and ``import``: files that become agents."""

from pathlib import Path

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, printable
from lamplighter.errors import InvalidInput, NotSignedIn

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--token", envvar="LAMPLIGHTER_TOKEN", help="Yours; or LAMPLIGHTER_TOKEN.")
@click.pass_obj
def apply(context: Context, files: tuple[Path, ...], token: str | None) -> None:
    """Make or change agents of a team from FILES, with your own rights.

    An agent is called as its file is. A file that says `type: org` is for admins to apply.

    
    Example:
      LAMPLIGHTER_TOKEN=llt_... lamplighter agent apply digest.md
    """
    from lamplighter.accounts import identify
    from lamplighter.roster import Roster
    from lamplighter.store.database import open_database

    settings = context.settings()
    if not settings.team:
        raise InvalidInput("in your own workspace the files in agents/ count", hint="edit those")
    engine = open_database(settings.database)
    caller = identify(settings, engine, token=token) if token else None
    if caller is None:
        raise NotSignedIn("show a token that is good for write: --token, or LAMPLIGHTER_TOKEN")
    caller.require("write")
    for file in files:
        done = Roster(settings, engine).apply(caller, file.stem, file.read_text("utf-8"))
        click.echo(f"{done}  {printable(file)}")


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@as_json
@click.pass_obj
def import_(context: Context, paths: tuple[Path, ...], as_json: bool) -> None:
    """Take over agents of other programs from the files or folders PATHS.

    Claude's subagents and scheduled tasks (.md), Agent Skills (SKILL.md), goose recipes (.yaml),
    cron jobs of Hermes and OpenClaw (.json). They arrive disabled, with a word on what was
    carried and what was not. An agent that is there already is left as it is.

    \b
    Examples:
      lamplighter agent import ~/.claude/agents
      lamplighter agent import recipe.yaml ~/.openclaw/cron/jobs.json
    """
    from lamplighter.importing import import_files

    settings = context.settings()
    found = list(import_files(settings.workspace, paths))
    if as_json:
        print_json(
            [
                {"file": each.file, "error": each.error}
                | ({"carried": each.agent.carried, "lost": each.agent.lost} if each.agent else {})
                for each in found
            ]
        )
        return
    for each in found:
        click.echo(printable(f"{each.file}: {each.error or 'imported, disabled'}"))
        for line in each.agent.carried if each.agent else ():
            click.echo(printable(f"  + {line}"))
        for line in each.agent.lost if each.agent else ():
            click.echo(printable(f"  - {line}"))
