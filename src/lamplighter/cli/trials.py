"""What ``lamplighter agent test`` does and prints."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from lamplighter.cli.output import print_json, print_problems, printable

if TYPE_CHECKING:
    from lamplighter.config import Settings
    from lamplighter.definitions.catalogue import Entry
    from lamplighter.engine.trials import Verdict

FAILED = 3


def run_trials(
    entries: Sequence["Entry"], settings: "Settings", *, model: str | None, as_json: bool
) -> int:
    """Run the tests of some agents; gives the exit code."""
    from lamplighter.engine.trials import find_trials, try_agent

    verdicts: list[Verdict] = []
    broken = 0
    for entry in entries:
        files = find_trials(settings.workspace, entry.name)
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
        click.echo("No tests. Those of agents/digest.md are agents/digest/tests/*.yaml")
    else:
        click.echo(f"{len(verdicts) - failed} passed, {failed + broken} failed")
    return FAILED if failed or broken else 0


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
