"""What ``serve`` and ``worker`` share: they stay in the foreground until Ctrl-C."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import click

drain_option = click.option(
    "--drain",
    default=10.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Seconds to wait at the end for runs that are under way.",
)


def run_in_foreground(begin: Callable[[Callable[[str], None]], Coroutine[Any, Any, None]]) -> None:
    """Run ``begin(say)`` to its end, with what it says and logs on standard error."""
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("lamplighter").setLevel(logging.INFO)
    asyncio.run(begin(lambda text: click.echo(text, err=True)))
