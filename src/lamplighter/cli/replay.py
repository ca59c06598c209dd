"""What ``lamplighter run replay`` prints."""

import json
from typing import TYPE_CHECKING, Any

import click

from lamplighter.allowance import describe_cost
from lamplighter.cli.output import print_json, print_table, printable

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from lamplighter.config import Settings
    from lamplighter.store.runs import Run


def print_replay(
    engine: "Engine", run: "Run", settings: "Settings", *, current: bool, as_json: bool
) -> None:
    """Replay a run, and say that it came to the same."""
    from lamplighter.engine.replay import replay_run

    done = replay_run(engine, run, settings, current=current)
    if as_json:
        ending = done.ending
        counts = {"requests": done.requests, "steps": done.steps}
        print_json({"run": run.id, "drifted": False, "outcome": ending.outcome, **counts})
    else:
        click.echo(
            f"{run.id} replays as it was recorded: {done.requests} requests, {done.steps} steps, "
            f"{done.ending.outcome}."
        )


def print_comparison(
    engine: "Engine",
    run: "Run",
    settings: "Settings",
    model: str,
    *,
    current: bool,
    as_json: bool,
) -> bool:
    """Let another model do a run's work, and print both; whether that ended well."""
    from lamplighter.engine.replay import compare_run, comparison
    from lamplighter.store.events import list_events
    from lamplighter.store.runs import SUCCESSES

    other = compare_run(engine, run, settings, model, current=current)
    found = comparison(run, list_events(engine, run.id), other)
    found["now"] = {"model": model, **found["now"]}
    if as_json:
        print_json(found)
    else:
        _print(found)
    return other.ending.outcome in SUCCESSES


def _print(found: dict[str, Any]) -> None:
    before, now = found["recorded"], found["now"]
    names = ("model", "outcome", "requests", "tool_calls", "input_tokens", "output_tokens")
    rows = [[name.replace("_", " "), before[name], now[name]] for name in names]
    rows.append(["cost", *(_cost(side["cost_microusd"]) for side in (before, now))])
    rows.append(["summary", before["summary"], now["summary"]])
    print_table(["", "recorded", "now"], rows)
    click.echo()
    before_calls, now_calls = (list(map(_call, side["calls"])) for side in (before, now))
    length = max(len(before_calls), len(now_calls))
    padded = [calls + [""] * (length - len(calls)) for calls in (before_calls, now_calls)]
    print_table(
        ["call", "recorded", "now"],
        [[n, *pair] for n, pair in enumerate(zip(*padded, strict=True), 1)],
    )
    click.echo(f"\n{now['answered_from_record']} calls were answered from the record.")
    for effect in now["staged"]:
        click.echo(printable(f"staged: {effect['effect']} to {effect['destination']}"))


def _call(call: dict[str, Any]) -> str:
    arguments = call["arguments"]
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return f"{call['tool']} {arguments}"


def _cost(microusd: int | None) -> str:
    return "unknown" if microusd is None else describe_cost(microusd)
