"""What ``serve`` and ``worker`` share: they stay in the foreground until Ctrl-C."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import click

from lamplighter.cli.output import indented

drain_option = click.option(
    "--drain",
    default=10.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Seconds to wait at the end for runs that are under way.",
)


class Printable(logging.Formatter):
    """Says what others have written, too, so that it neither steers a terminal nor makes lines."""

    def format(self, record: logging.LogRecord) -> str:
        """One record; its further lines are indented."""
        return indented(super().format(record), 4)


def run_in_foreground(begin: Callable[[Callable[[str], None]], Coroutine[Any, Any, None]]) -> None:
    """Run ``begin(say)`` to its end, with what it says and logs on standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(Printable("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logging.basicConfig(handlers=[handler])
    logging.getLogger("lamplighter").setLevel(logging.INFO)
    asyncio.run(begin(lambda text: click.echo(text, err=True)))
