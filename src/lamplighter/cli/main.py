"""The entry point: finds the command, and turns errors into messages and exit codes."""

import os
import sys
from importlib import import_module
from pathlib import Path

import click

from lamplighter import __version__
from lamplighter.cli.context import Context
from lamplighter.errors import LamplighterError

COMMANDS = {
    "init": ("lamplighter.cli.init:command", "Make a workspace with two example agents."),
    "serve": ("lamplighter.cli.serve:command", "Let the agents make their rounds."),
    "worker": ("lamplighter.cli.worker:command", "Carry out runs beside others, on PostgreSQL."),
    "agent": ("lamplighter.cli.agent:group", "List, show and check agents."),
    "chat": ("lamplighter.cli.chat:command", "Talk with an agent."),
    "approval": ("lamplighter.cli.approval:group", "Decide what chats may do."),
    "run": ("lamplighter.cli.run:group", "Start, list, show, watch and cancel runs."),
    "memory": ("lamplighter.cli.memory:group", "See and mend what agents have noted."),
    "outbox": ("lamplighter.cli.outbox:group", "See what runs did to the world, and decide."),
    "schedule": ("lamplighter.cli.schedule:group", "See when a schedule is due."),
    "notice": ("lamplighter.cli.notice:group", "Read what you should know about your agents."),
    "source": ("lamplighter.cli.source:group", "List and sync the sources of documents."),
    "search": ("lamplighter.cli.search:command", "Search the documents."),
    "email": ("lamplighter.cli.email:group", "Try the account that agents send e-mail by."),
    "mcp": ("lamplighter.cli.mcp:group", "List the MCP servers, and look whether they work."),
    "people": ("lamplighter.cli.people:group", "Find people; import a directory of them."),
    "link": ("lamplighter.cli.link:command", "Print a link that opens your workspace."),
    "user": ("lamplighter.cli.user:group", "Say who may use the workspace of a team."),
    "group": ("lamplighter.cli.group:group", "Add, list and remove groups of users."),
    "token": ("lamplighter.cli.token:group", "Make and revoke API tokens."),
    "audit": ("lamplighter.cli.audit:command", "See who did what."),
    "db": ("lamplighter.cli.db:group", "Back up, restore and upgrade the database."),
    "doctor": ("lamplighter.cli.doctor:command", "Say what is wrong, and what to do about it."),
    "sandbox": ("lamplighter.cli.sandbox:group", "See and set up where agents run commands."),
    "model": ("lamplighter.cli.model:group", "See and fetch language models."),
}
"""Name -> where it is, and its help; a command's module is imported when it is used."""

INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used, so that ``--help`` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--workspace",
    "-w",
    type=click.Path(path_type=Path, file_okay=False),
    help="The workspace's folder. Default: LAMPLIGHTER_WORKSPACE, or the nearest one upwards.",
)
@click.version_option(__version__, prog_name="lamplighter")
@click.pass_context
def cli(ctx: click.Context, workspace: Path | None) -> None:
    """Background AI agents that make their rounds: on time, in bounds, on the record.

    \b
    Examples:
      lamplighter init my-agents                make a workspace
      lamplighter -w my-agents serve            let its agents make their rounds
      lamplighter run start daily-digest --wait run one now and watch it
      lamplighter run show last --events        what it did, step by step
    """
    ctx.obj = Context(workspace)


def main() -> None:
    """Run the command line, with exit codes 0, 1, 2, 3, 4, 5 and 130 as documented."""
    try:
        result = cli.main(prog_name="lamplighter", standalone_mode=False)
    except LamplighterError as error:
        _fail(str(error), error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has seen enough; say no more, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    else:
        sys.exit(result if isinstance(result, int) else 0)


def _fail(message: str, exit_code: int) -> None:
    from lamplighter.cli.output import printable

    click.echo(printable(f"lamplighter: {message}"), err=True)
    sys.exit(exit_code)
