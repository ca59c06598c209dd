"""``lamplighter agent``: list, show, validate, test, pause, resume, promote, apply, import."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from lamplighter import clock
from lamplighter.access import owner_of
from lamplighter.cli.agent_files import apply, import_
from lamplighter.cli.checks import (
    budget_problems,
    command_problems,
    describe_allowance,
    foresee_entry,
    model_problems,
)
from lamplighter.cli.context import Context
from lamplighter.cli.output import (
    describe_problem,
    print_fields,
    print_json,
    print_problems,
    print_table,
    printable,
    problem_data,
)
from lamplighter.errors import NotFound

if TYPE_CHECKING:
    from lamplighter.config import Settings
    from lamplighter.definitions.agent import Agent
    from lamplighter.definitions.catalogue import Catalogue, Entry
    from lamplighter.store.pauses import Pause
    from lamplighter.store.schedules import SavedSchedule

INVALID = 2
UPCOMING = 5
NO_AGENTS = """\
No agents yet. An agent is a Markdown file, such as agents/daily-digest.md:

  ---
  schedule: "0 9 * * 1-5"
  sources: [notes]
  ---
  Read what is new since yesterday and write a digest.
"""
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


@dataclass(frozen=True, slots=True)
class Known:
    """What the server knows beside the files, by the agent's name.

    Attributes:
        dues: When each agent is due next.
        pauses: Which agents are paused.
    """

    dues: Mapping[str, datetime]
    pauses: Mapping[str, "Pause"]


@click.group()
def group() -> None:
    """Agents: the Markdown files in agents/."""


group.add_command(apply)
group.add_command(import_)


@group.command("list")
@as_json
@click.pass_obj
def list_(context: Context, as_json: bool) -> None:
    """List the agents, with when they are due next.

    \b
    Examples:
      lamplighter agent list
      lamplighter agent list --json
    """
    settings = context.settings()
    entries = _read(settings).entries
    print_problems(problem for entry in entries for problem in entry.errors)
    now = clock.now().replace(microsecond=0)
    known = _ask_database(settings)
    if as_json:
        print_json([_summary(entry, now, known) for entry in entries])
    elif not entries:
        click.echo(NO_AGENTS)
    else:
        headers = ["agent", "description", "schedule", "next due", "model", "type", "state"]
        print_table(headers, (_row(entry, now, known, settings.timezone) for entry in entries))


@group.command()
@click.argument("name")
@as_json
@click.pass_obj
def show(context: Context, name: str, as_json: bool) -> None:
    """Show the agent NAME: all that its file says, and when it is due.

    \b
    Examples:
      lamplighter agent show daily-digest
      lamplighter agent show team/weekly --json
    """
    settings = context.settings()
    entry = _find(_read(settings), name)
    unoffered = tuple(command_problems([entry], settings))
    entry = replace(entry, problems=(*entry.problems, *unoffered))
    now = clock.now().replace(microsecond=0)
    known = _ask_database(settings)
    if as_json:
        problems = [problem_data(problem) for problem in entry.problems]
        details = _details(entry, now, _saved(settings, entry.name))
        if foreseen := foresee_entry(entry, settings):
            details["forecast"] = asdict(foreseen)
        print_json(_summary(entry, now, known) | details | {"problems": problems})
    else:
        _print_entry(entry, now, known, _saved(settings, entry.name))
        if foreseen := foresee_entry(entry, settings):
            click.echo("\n".join((f"forecast  {foreseen}", *foreseen.warnings)))


@group.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--strict", is_flag=True, help="Warnings fail, too.")
@as_json
@click.pass_obj
def validate(context: Context, names: tuple[str, ...], strict: bool, as_json: bool) -> int:
    """Check the agents NAME..., or all: files, schedules, tools, sources and models.

    \b
    Examples:
      lamplighter agent validate
      lamplighter agent validate daily-digest --strict

    Exit code 2: there is an error (with --strict: or a warning).
    """
    settings = context.settings()
    catalogue = _read(settings)
    entries = [_find(catalogue, name) for name in names] or list(catalogue.entries)
    problems = [problem for entry in entries for problem in entry.problems]
    problems += model_problems(entries, settings)
    problems += command_problems(entries, settings)
    problems += budget_problems(entries, settings)
    if not names:
        from lamplighter.workspace import config_problems

        problems += [*catalogue.others, *config_problems(settings)]
    errors = sum(problem.level == "error" for problem in problems)
    warnings = len(problems) - errors
    failed = bool(errors or (strict and warnings))
    if as_json:
        listed = [problem_data(problem) for problem in problems]
        counts = {"agents": len(entries), "errors": errors, "warnings": warnings}
        print_json({"valid": not failed, **counts, "problems": listed})
    else:
        print_problems(problems)
        counted = (_count(len(entries), "agent"), _count(errors, "error"))
        click.echo(f"{', '.join(counted)}, {_count(warnings, 'warning')}")
    return INVALID if failed else 0


@group.command()
@click.argument("names", nargs=-1, metavar="[NAME|FILE]...")
@click.option("--model", help="What answers, instead of what a test or the agent says.")
@as_json
@click.pass_obj
def test(context: Context, names: tuple[str, ...], model: str | None, as_json: bool) -> int:
    """Let the agents NAME..., or all, pass their tests: agents/NAME/tests/*.yaml.

    Nothing leaves a test, and it sees only what it gives itself. An agent of a team is called
    ADDRESS/NAME, or NAME if it is the organisation's; a FILE.md is tested as it is, before it is
    applied, by FILE/tests/*.yaml beside it.

    \b
    Examples:
      lamplighter agent test
      lamplighter agent test daily-digest --model local
      lamplighter agent test ann@example.org/digest
      lamplighter agent test drafts/digest.md

    Exit code 3: a test failed.
    """
    from lamplighter.cli.trials import run_trials

    settings = context.settings()
    tests = _find_tests(settings, names)
    return run_trials(tests, settings, model=model, as_json=as_json)


@group.command()
@click.argument("name")
@click.pass_obj
def pause(context: Context, name: str) -> None:
    """Let the schedules of the agent NAME not fire until it is resumed.

    A run that is under way goes on, and `lamplighter run start` works as before.

    \b
    Example:
      lamplighter agent pause daily-digest
    """
    from lamplighter.engine import manual
    from lamplighter.store.database import open_database

    settings = context.settings()
    changed = manual.pause(settings, open_database(settings.database), name)
    click.echo(f"{name} is paused." if changed else f"{name} was paused already.")


@group.command()
@click.argument("name")
@click.pass_obj
def resume(context: Context, name: str) -> None:
    """Let the schedules of the agent NAME fire again, from their next times on.

    \b
    Example:
      lamplighter agent resume daily-digest
    """
    from lamplighter.engine import manual
    from lamplighter.store.database import open_database

    settings = context.settings()
    changed = manual.resume(settings, open_database(settings.database), name)
    click.echo(f"{name} is no longer paused." if changed else f"{name} was not paused.")


@group.command()
@click.argument("name")
@click.pass_obj
def promote(context: Context, name: str) -> None:
    """Let what the agent NAME does to the world happen from now on: `effects: send`.

    What it has held still waits for you; what was only recorded never happens.

    \b
    Example:
      lamplighter agent promote daily-digest
    """
    from lamplighter.accounts import OWNER_ID, Caller
    from lamplighter.engine.control import wake_engine
    from lamplighter.roster import Roster
    from lamplighter.store.database import open_database

    settings = context.settings()
    engine = open_database(settings.database)
    home = Roster(settings, engine)
    entry = home.find(None, name.removesuffix(".md"))
    # Whoever may use this machine's database is its owner, or an admin.
    owner = owner_of(entry.name) or OWNER_ID
    home.promote(Caller(owner, admin=True), entry)
    wake_engine(engine, settings.state_dir)
    click.echo(f"What {printable(entry.name)} does now happens.")


# Reading


def _read(settings: "Settings") -> "Catalogue":
    """All agents, with what is wrong in them and in what they refer to."""
    from lamplighter.roster import Roster
    from lamplighter.store.database import open_database
    from lamplighter.workspace import read_catalogue

    if not settings.team:
        return read_catalogue(settings)
    return Roster(settings, open_database(settings.database)).read()


def _find(catalogue: "Catalogue", name: str) -> "Entry":
    from lamplighter.definitions.spelling import hint_at

    entry = catalogue.find(name.removesuffix(".md"))
    if entry is None:
        names = [entry.name for entry in catalogue.entries]
        raise NotFound(f"there is no agent {name!r}; {hint_at(name, names, 'Agents')}")
    return entry


def _find_tests(settings: "Settings", names: tuple[str, ...]) -> "list[tuple[Entry, list[Path]]]":
    """Agents with their tests: those called so, in files that are called so, or all."""
    from lamplighter.engine.trials import find_trials, find_trials_beside

    catalogue = _read(settings)
    files = {name: Path(name) for name in names if name.endswith(".md") and Path(name).is_file()}
    known = [_find(catalogue, name) for name in names if name not in files]
    known = known if names else list(catalogue.entries)
    return [
        *((_read_file(settings, file), find_trials_beside(file)) for file in files.values()),
        *((entry, find_trials(settings.workspace, entry.name)) for entry in known),
    ]


def _read_file(settings: "Settings", file: Path) -> "Entry":
    from lamplighter.roster import Roster
    from lamplighter.store.database import open_database

    home = Roster(settings, open_database(settings.database))
    return home.parse(file.stem, file.read_text("utf-8"))


# When it is due


def _ask_database(settings: "Settings") -> Known:
    """What the server knows: it alone knows what intervals are counted from."""
    from lamplighter.store.agents import next_due_times
    from lamplighter.store.database import open_database
    from lamplighter.store.pauses import list_pauses

    engine = open_database(settings.database)
    return Known(next_due_times(engine), list_pauses(engine))


def _next_due(agent: "Agent", now: datetime, known: Known) -> datetime | None:
    """The next moment that follows from the file, or else from what the server knows."""
    from lamplighter.schedule import next_due

    if not agent.enabled or agent.name in known.pauses:
        return None
    fixed = [each for each in agent.schedules if not each.is_anchored]
    dues = [next_due(schedule, now, anchor=now) for schedule in fixed]
    if len(fixed) < len(agent.schedules):
        dues.append(known.dues.get(agent.name))
    return min((due for due in dues if due), default=None)


def _upcoming(
    agent: "Agent", now: datetime, saved: "Sequence[SavedSchedule]"
) -> list[dict[str, Any]]:
    """The next due moments of all schedules; of unsaved ones as if they were saved now."""
    from lamplighter.schedule import describe, upcoming
    from lamplighter.store.agents import schedule_id_of

    if not agent.enabled:
        return []
    anchors = {(each.id, each.schedule): each.anchor_at for each in saved}
    moments = []
    for number, schedule in enumerate(agent.schedules, start=1):
        seed = schedule_id_of(agent.name, number)
        anchor = anchors.get((seed, schedule))
        moments += [
            {
                "utc": due.isoformat(),
                "local": due.astimezone(ZoneInfo(schedule.timezone)).isoformat(),
                "schedule": describe(schedule),
                "estimated": schedule.is_anchored and anchor is None,
            }
            for due in upcoming(schedule, now, anchor=anchor or now, seed=seed, count=UPCOMING)
        ]
    return sorted(moments, key=lambda moment: datetime.fromisoformat(str(moment["utc"])))[:UPCOMING]


def _saved(settings: "Settings", agent: str) -> "list[SavedSchedule]":
    from lamplighter.store.database import open_database
    from lamplighter.store.schedules import list_schedules

    return list_schedules(open_database(settings.database), agent)


# As data and in words


def _summary(entry: "Entry", now: datetime, known: Known) -> dict[str, Any]:
    from lamplighter.schedule import describe

    agent = entry.agent
    due = _next_due(agent, now, known) if agent else None
    pause = known.pauses.get(entry.name)
    return {
        "name": entry.name,
        "description": agent.description if agent else "",
        "model": agent.model if agent else None,
        "type": agent.type if agent else None,
        "enabled": agent.enabled if agent else False,
        "paused": pause and {"at": pause.at.isoformat(), "reason": pause.reason},
        "schedules": [describe(schedule) for schedule in agent.schedules] if agent else [],
        "next_due_at": due.isoformat() if due else None,
        "problems": len(entry.problems),
        "valid": not entry.errors,
        "file": entry.file,
    }


def _details(entry: "Entry", now: datetime, saved: "Sequence[SavedSchedule]") -> dict[str, Any]:
    agent = entry.agent
    if agent is None:
        return {}
    return {
        "tools": list(agent.allowed_tools),
        "sources": list(agent.sources),
        "actions": list(agent.actions),
        "limits": asdict(agent.limits),
        "network": [str(host) for host in agent.network],
        "effects": agent.effects,
        "email": agent.email.as_data(),
        "webhooks": list(agent.webhooks),
        "message": agent.message,
        "instructions": agent.instructions,
        "extra": dict(agent.extra),
        "upcoming": _upcoming(agent, now, saved),
        "timezone": agent.timezone,
    }


def _row(entry: "Entry", now: datetime, known: Known, timezone: str) -> list[object]:
    summary = _summary(entry, now, known)
    due = entry.agent and _next_due(entry.agent, now, known)
    local = due.astimezone(ZoneInfo(timezone)) if due else None
    return [
        entry.name,
        summary["description"].split("\n")[0],
        "; ".join(summary["schedules"]),
        local.isoformat(" ", "minutes") if local else None,
        summary["model"],
        summary["type"],
        _state(entry, known),
    ]


def _state(entry: "Entry", known: Known) -> str:
    if errors := len(entry.errors):
        return f"broken: {_count(errors, 'error')}"
    if pause := known.pauses.get(entry.name):
        return f"paused: {pause.reason}"
    state = "enabled" if entry.agent and entry.agent.enabled else "disabled"
    warnings = len(entry.problems)
    return f"{state}, {_count(warnings, 'warning')}" if warnings else state


def _print_entry(
    entry: "Entry", now: datetime, known: Known, saved: "Sequence[SavedSchedule]"
) -> None:
    print_fields([("agent", entry.name), ("file", entry.file), ("state", _state(entry, known))])
    if entry.name in known.pauses:
        click.echo(f"Go on with: lamplighter agent resume {printable(entry.name)}")
    if entry.agent:
        _print_agent(entry.agent, now, saved)
    for problem in entry.problems:
        click.echo(describe_problem(problem))


def _print_agent(agent: "Agent", now: datetime, saved: "Sequence[SavedSchedule]") -> None:
    from lamplighter.schedule import describe

    limits = agent.limits
    print_fields(
        [
            ("description", agent.description or None),
            ("type", agent.type),
            ("model", agent.model or "the workspace's default"),
            *(("schedule", describe(schedule)) for schedule in agent.schedules),
            ("tools", ", ".join(agent.allowed_tools) or "none"),
            ("sources", ", ".join(agent.sources) or "none"),
            ("network", ", ".join(map(str, agent.network)) or None),
            ("effects", agent.effects),
            ("email", ", ".join(agent.email.to) or None),
            ("webhooks", ", ".join(agent.webhooks) or None),
            ("iterations", limits.iterations and f"at most {limits.iterations}"),
            ("timeout", limits.timeout_seconds and f"{limits.timeout_seconds:g} seconds"),
            ("per run", describe_allowance(limits.per_run)),
            ("per day", describe_allowance(limits.per_day)),
            ("message", agent.message),
            *((key, value) for key, value in agent.extra.items()),
        ]
    )
    if moments := _upcoming(agent, now, saved):
        click.echo()
        print_table(["due, local time", "UTC", "by"], map(_moment_row, moments))
    click.echo(f"\n{printable(agent.instructions)}\n")


def _moment_row(moment: dict[str, Any]) -> list[object]:
    note = ", as if saved now" if moment["estimated"] else ""
    times = (
        datetime.fromisoformat(moment[key]).isoformat(" ", "seconds") for key in ("local", "utc")
    )
    return [*times, moment["schedule"] + note]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
