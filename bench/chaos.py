"""Kill processes in the middle of runs, at random moments, and look at what is left.

``bench/chaos`` starts it with the tests' folder in the path: the processes, and what has to be
true of their runs, are those of ``tests/test_chaos.py``.
"""

import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import click
from databases import new_database, running_postgresql
from ordeal import MOST, STEPS, Ordeal, preparing
from rich.console import Console
from rich.table import Table

from lamplighter.store.outbox import list_entries
from lamplighter.store.runs import list_runs

AGENTS = ("dawn", "dusk", "noon")
"""Their runs are under way at the same time."""

LONGEST_SECONDS = 1.0
"""A kill by time comes before this, counted from the birth of the process."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--kills", default=200, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--database",
    default="sqlite",
    show_default=True,
    type=click.Choice(["sqlite", "postgresql"]),
    help="PostgreSQL is a server of its own, for this only.",
)
@click.option("--seed", type=int, help="Of the random moments.  [default: another each time]")
def main(kills: int, database: str, seed: int | None) -> None:
    """Kill processes in the middle of runs, and look whether anything is lost or doubled.

    Each process goes on with what the ones before it left, begins a run of ten steps for each of
    three agents, and is killed: half of them after a random time, half at a random moment of the
    runs' journal. The exit code is 1 if a run was lost, a finished step was repeated, or an effect
    happened twice without anybody being told that it is uncertain.

    \b
    Examples:
      bench/chaos --kills 1000
      bench/chaos --kills 1000 --database postgresql --seed 7
    """  # noqa: D301  # click's paragraph mark is the backspace character
    chosen = secrets.randbelow(10_000) if seed is None else seed
    console = Console()
    console.print(f"{kills} kills on {database}, seed {chosen}", highlight=False)
    with _database(database) as url, preparing(url, AGENTS) as made:
        started = time.perf_counter()
        with console.status("killing ...") as status:
            for number in _kill(made, kills, random.Random(chosen)):
                status.update(f"killing ... {number} of {kills}")
            made.end()
            violations = made.violations()
        console.print(_tabulate(made, violations, time.perf_counter() - started))
    for violation in violations:
        click.echo(violation, err=True)
    sys.exit(bool(violations))


@contextmanager
def _database(kind: str) -> Iterator[str]:
    """Its URL; empty for SQLite."""
    if kind == "sqlite":
        yield ""
        return
    with running_postgresql(secrets.token_hex(8)) as server, new_database(server) as url:
        yield url


def _kill(ordeal: Ordeal, kills: int, chance: random.Random) -> Iterator[int]:
    """Until there are so many, or something went wrong; gives how many there are."""
    moments = ordeal.moments()
    while ordeal.kills.total() < kills and not ordeal.faults:
        if chance.random() < 0.5:
            ordeal.go(after_seconds=chance.uniform(0, LONGEST_SECONDS))
        else:
            ordeal.go(chance.choice(moments))
        yield ordeal.kills.total()


def _tabulate(ordeal: Ordeal, violations: list[str], seconds: float) -> Table:
    runs = list_runs(ordeal.workspace.engine, limit=MOST)
    states = Counter(entry.state for entry in list_entries(ordeal.workspace.engine, limit=MOST))
    begun = Counter((said["run"], said["begun"]) for said in ordeal.said() if "begun" in said)
    by_time = ordeal.kills["by time"]
    table = Table("what", title="chaos", title_justify="left", min_width=72)
    table.add_column("number", justify="right")
    for what, number in {
        "kills by time": by_time,
        "kills at a moment of the journal": ordeal.kills.total() - by_time,
        "runs begun": len(runs),
        "runs ended": sum(run.ended for run in runs),
        f"steps finished, of {STEPS} a run": len(begun),
        "steps begun again, because they were interrupted": begun.total() - len(begun),
        "effects that happened once": states["sent"],
        "effects that are uncertain, and told so": states["uncertain"],
        "violations": len(violations),
        "seconds": round(seconds),
    }.items():
        table.add_row(what, f"{number:,}")
    return table


if __name__ == "__main__":
    main()
