"""``lamplighter doctor``."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from lamplighter.cli.context import Context
from lamplighter.cli.output import print_json, printable

if TYPE_CHECKING:
    from lamplighter.doctor.finding import Finding

MARKS = {"ok": "✓", "warn": "!", "fail": "✗"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def command(context: Context, as_json: bool) -> int:
    """Say what is wrong with the workspace, and what to do about it.

    Looks at files, settings, models, database, server, sources, clock and sandbox;
    changes nothing.

    \b
    Examples:
      lamplighter doctor
      lamplighter doctor --json

    Exit code 1: something does not work.
    """
    from lamplighter.doctor.examine import examine

    findings = examine(context.folder())
    failed = any(finding.level == "fail" for finding in findings)
    if as_json:
        print_json({"healthy": not failed, "findings": [asdict(each) for each in findings]})
    else:
        for finding in findings:
            _print(finding)
    return int(failed)


def _print(finding: "Finding") -> None:
    click.echo(f"{MARKS[finding.level]} {finding.check:<14} {printable(finding.message)}")
    if finding.advice and finding.level != "ok":
        click.echo(f"  {'':<14} → {printable(finding.advice)}")
