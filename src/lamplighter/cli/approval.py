"""``lamplighter approval``: list, approve, deny."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.asker import identify_asker, token_option
from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, print_table, printable
from lamplighter.cli.timeline import brief, iso

if TYPE_CHECKING:
    from lamplighter.accounts import Caller
    from lamplighter.engine.chat import Decision
    from lamplighter.roster import Roster
    from lamplighter.store.chat_approvals import Approval

STATES = ("pending", "approved", "denied", "completed", "expired")
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


@click.group()
def group() -> None:
    """Approvals: what chats ask you before they do it.

    Background runs ask nobody; see `lamplighter outbox` for what they did.
    """


@group.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@token_option
@as_json
@click.pass_obj
def list_(context: Context, state: Any, limit: int, token: str | None, as_json: bool) -> None:
    """List what chats asked you, newest first.

    \b
    Examples:
      lamplighter approval list --state pending
      lamplighter approval list --json
    """
    from lamplighter.engine.chat import list_approvals

    home, caller = identify_asker(context, token, "read")
    found = list_approvals(home, caller, state=state, limit=limit)
    if as_json:
        print_json([approval_data(each) for each in found])
    elif not found:
        click.echo("Nothing was asked.")
    else:
        print_table(["approval", "expires", "state", "tool", "arguments"], map(_row, found))


@group.command()
@click.argument("approval_id", metavar="ID")
@click.option("--chat", "whole_chat", is_flag=True, help="This tool, for the whole chat.")
@token_option
@as_json
@click.pass_obj
def approve(
    context: Context, approval_id: str, whole_chat: bool, token: str | None, as_json: bool
) -> None:
    """Let the tool call ID be carried out; its chat goes on.

    \b
    Examples:
      lamplighter approval approve 5QK3ZM
      lamplighter approval approve 5QK3ZM --chat
    """
    _decide(context, token, approval_id, "chat" if whole_chat else "once", "", as_json)


@group.command()
@click.argument("approval_id", metavar="ID")
@click.option("--reason", default="", help="What the agent is told.")
@token_option
@as_json
@click.pass_obj
def deny(context: Context, approval_id: str, reason: str, token: str | None, as_json: bool) -> None:
    """Let the tool call ID not be carried out; its chat goes on.

    \b
    Example:
      lamplighter approval deny 5QK3ZM --reason "ask Bo first"
    """
    _decide(context, token, approval_id, "deny", reason, as_json)


def approval_data(approval: "Approval") -> dict[str, Any]:
    """An approval as JSON data."""
    hidden = ("asked", "name", "call", "used_by")
    return {
        name: iso(value) if isinstance(value, datetime) else value
        for name, value in asdict(approval).items()
        if name not in hidden
    }


def _decide(
    context: Context,
    token: str | None,
    approval_id: str,
    decision: "Decision",
    reason: str,
    as_json: bool,
) -> None:
    from lamplighter.engine.chat import decide

    home, caller = identify_asker(context, token, "run")
    decided = decide(home, caller, _whole_id(home, caller, approval_id), decision, reason)
    if as_json:
        print_json(approval_data(decided))
    else:
        click.echo(f"{decided.state}: {printable(decided.tool)}")


def _whole_id(home: "Roster", caller: "Caller", given: str) -> str:
    """The id that ends so, of what was asked lately; else the given one."""
    from lamplighter.engine.chat import list_approvals
    from lamplighter.errors import InvalidInput

    known = list_approvals(home, caller, limit=1000)
    found = [each.id for each in known if each.id.endswith(given.upper())]
    if len(found) > 1:
        raise InvalidInput(f"{len(found)} approvals end with {given!r}; give more of it")
    return found[0] if found else given


def _row(approval: "Approval") -> list[object]:
    return [
        approval.id,
        f"{approval.expires_at.astimezone():%Y-%m-%d %H:%M}",
        approval.state,
        approval.tool,
        brief(approval.arguments),
    ]
