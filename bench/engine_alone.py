"""The engine of a workspace without its page and without its folder of agents. A program.

Usage: python bench/engine_alone.py WORKSPACE

It is what ``lamplighter worker`` runs on PostgreSQL, here on SQLite as well, so that schedules
can be measured that no folder of files has to hold.
"""

import asyncio
import sys
from pathlib import Path

from lamplighter.web.server import work
from lamplighter.workspace import load_settings


def say(text: str) -> None:
    """On standard error, at once."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    asyncio.run(work(load_settings(Path(sys.argv[1])), say, drain_seconds=0))
