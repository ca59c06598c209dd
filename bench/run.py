"""Run the benches and print their figures as tables."""

import os
import platform
from collections.abc import Callable

import burst
import click
import lateness
import schedules
import startup
import throughput
from figures import Figure, tabulate
from rich.console import Console

BENCHES: dict[str, Callable[[], list[Figure]]] = {
    "startup": startup.measure,
    "lateness": lateness.measure,
    "throughput": throughput.measure,
    "burst": burst.measure,
    "schedules": schedules.measure,
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHES)), metavar="[NAME]...")
def main(names: tuple[str, ...]) -> None:
    """Run the benches called NAME, or all: startup, lateness, throughput, burst, schedules.

    Together they take about eight minutes. The machine should have nothing else to do.

    \b
    Examples:
      python bench/run.py                       all of them
      python bench/run.py startup
      python bench/run.py lateness throughput
    """  # noqa: D301  # click's paragraph mark is the backspace character
    console = Console()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    console.print(
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} CPUs, load before: {load}",
        highlight=False,
    )
    for name in names or BENCHES:
        with console.status(f"measuring {name} ..."):
            figures = BENCHES[name]()
        console.print(tabulate(name, figures))


if __name__ == "__main__":
    main()
