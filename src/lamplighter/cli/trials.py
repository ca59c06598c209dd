"""What ``lamplighter agent test`` does and prints."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.output import print_json, print_problems, printable

if TYPE_CHECKING:
    from pathlib import Path

    from lamplighter.config import Settings
    from lamplighter.definitions.catalogue import Entry
    from lamplighter.engine.trials import Verdict

FAILED = 3


def run_trials(
    tests: Sequence[tuple["Entry", list["Path"]]],
    settings: "Settings",
    *,
    model: str | None,
    as_json: bool,
) -> int:
    """Run the tests of some agents, each with its files; gives the exit code."""
    from lamplighter.engine.trials import try_agent

    verdicts: list[Verdict] = []
    broken = 0
    for entry, files in tests:
        if files and (entry.agent is None or entry.errors):
            print_problems(entry.errors)
            broken += 1
            continue
        for file in files:
            assert entry.agent is not None
            verdict = try_agent(entry.agent, file, settings, model=model)
            verdicts.append(verdict)
            if not as_json:
                _print(verdict)
    failed = sum(bool(verdict.failures) for verdict in verdicts)
    if as_json:
        print_json([_data(verdict) for verdict in verdicts])
    elif not verdicts and not broken:
        click.echo(_none(settings, [entry.name for entry, _files in tests]))
    else:
        click.echo(f"{len(verdicts) - failed} passed, {failed + broken} failed")
    return FAILED if failed or broken else 0


def _none(settings: "Settings", names: Sequence[str]) -> str:
    """Where tests would be, for whoever has none."""
    if not settings.team:
        return "No tests. Those of agents/digest.md are agents/digest/tests/*.yaml"
    name = printable(names[0]) if names else "ann@example.org/digest"
    return (
        f"No tests. In a team, agents are in the database, and the tests of {name} are files of "
        f"this workspace all the same: agents/{name}/tests/*.yaml. Those of a file that is not "
        "applied yet stand beside it: lamplighter agent test digest.md runs digest/tests/*.yaml"
    )


def _print(verdict: "Verdict") -> None:
    click.echo(printable(f"{'✗' if verdict.failures else '✓'} {verdict.file}"))
    for failure in verdict.failures:
        click.echo(printable(f"    {failure}"))


def _data(verdict: "Verdict") -> dict[str, Any]:
    happened = verdict.rehearsal
    return {
        "agent": verdict.agent,
        "test": verdict.file,
        "passed": not verdict.failures,
        "failures": list(verdict.failures),
        "outcome": happened and happened.ending.outcome,
        "summary": happened and happened.ending.summary,
        "calls": [{"tool": t, "arguments": a} for t, a in happened.calls] if happened else [],
        "effects": [entry.kind for entry in happened.staged] if happened else [],
    }
