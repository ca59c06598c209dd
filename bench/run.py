"""Run the benches and print their figures as tables."""

import os
import platform
from collections.abc import Callable
from functools import partial

import attacking
import burst
import click
import lateness
import pages
import recovery
import sandbox
import schedules
import searching
import startup
import throughput
from figures import Figure, tabulate
from rich.console import Console

BENCHES: dict[str, Callable[[], list[Figure]]] = {
    "startup": startup.measure,
    "lateness": lateness.measure,
    "recovery": recovery.measure,
    "throughput": throughput.measure,
    "burst": burst.measure,
    "schedules": schedules.measure,
    "sandbox": sandbox.measure,
    "search": searching.measure,
    "attacks": attacking.measure,
    "pages": pages.measure,
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHES)), metavar="[NAME]...")
@click.option("--peers", is_flag=True, help="Throughput beside a Temporal dev server, too.")
def main(names: tuple[str, ...], peers: bool) -> None:
    """Run the benches called NAME, or all of them.

    They are startup, lateness, recovery, throughput, burst, schedules, sandbox, search,
    pages and attacks.
    Together they take about fifteen minutes. The machine should have nothing else to do.

    \b
    Examples:
      python bench/run.py                       all of them
      python bench/run.py startup
      python bench/run.py lateness throughput
      python bench/run.py throughput --peers    installs the peers, into bench/.peers
      BENCH_DOCUMENTS=100000 python bench/run.py search
    """  # noqa: D301  # click's paragraph mark is the backspace character
    benches = BENCHES | ({"throughput": partial(throughput.measure, peers=True)} if peers else {})
    console = Console()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    console.print(
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} CPUs, load before: {load}",
        highlight=False,
    )
    for name in names or BENCHES:
        with console.status(f"measuring {name} ..."):
            figures = benches[name]()
        console.print(tabulate(name, figures))


if __name__ == "__main__":
    main()
