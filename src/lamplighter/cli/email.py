"""``lamplighter email``: test."""

import asyncio

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_fields, print_json
from lamplighter.errors import InvalidSettings

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


@click.group()
def group() -> None:
    """E-mail: the account that agents send by, [email] of lamplighter.toml."""


@group.command()
@click.argument("address")
@as_json
@click.pass_obj
def test(context: Context, address: str, as_json: bool) -> None:
    """Send an e-mail to ADDRESS, and show what the server said.

    \b
    Example:
      lamplighter email test ann@example.org
    """
    from ulid import ULID

    from lamplighter import clock
    from lamplighter.addresses import read_address
    from lamplighter.mail.message import Mail
    from lamplighter.mail.sending import send

    account = context.settings().email
    if account is None:
        raise InvalidSettings("lamplighter.toml has no [email]", hint="see docs/effects.md")
    mail = Mail(
        id=str(ULID()).lower(),
        at=clock.now(),
        sender=account.sender,
        to=[read_address(address)],
        subject="Lamplighter can send e-mail",
        body="This is the test that you asked for with `lamplighter email test`.\n",
    )
    receipt = asyncio.run(send(account, mail, lambda _attachment: b""))
    if as_json:
        print_json(receipt)
    else:
        print_fields({**receipt, "to": address}.items())
