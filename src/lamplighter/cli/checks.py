"""What ``lamplighter agent`` looks at beside the files: models, commands, limits, past runs."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lamplighter.allowance import KINDS, Allowance, describe_amount
from lamplighter.errors import Place

if TYPE_CHECKING:
    from lamplighter.config import Settings
    from lamplighter.definitions.agent import Problem
    from lamplighter.definitions.catalogue import Entry
    from lamplighter.definitions.forecast import Forecast


def model_problems(entries: Iterable["Entry"], settings: "Settings") -> Iterator["Problem"]:
    """Models that cannot serve (an error where an agent names one) or are too small for it."""
    from lamplighter.definitions.agent import Problem
    from lamplighter.models.guide import fits_small_model
    from lamplighter.models.resolve import LOCAL, choose_model, problem_with

    known: dict[str | None, str | None] = {}
    for entry in entries:
        if entry.agent is None:
            continue
        agent, model = entry.agent, entry.agent.model
        place = Place(entry.file, agent.lines.get("model"), "model")
        if model not in known:
            known[model] = problem_with(model, settings)
        if message := known[model]:
            yield Problem("error" if model else "warning", message, place)
        small = choose_model(model, settings) == LOCAL
        if small and (message := fits_small_model(agent.allowed_tools)):
            yield Problem("warning", message, place)


def command_problems(entries: Iterable["Entry"], settings: "Settings") -> Iterator["Problem"]:
    """Commands that agents list, but that cannot run apart here and so do not run at all."""
    from lamplighter.definitions.agent import Problem, runs_commands
    from lamplighter.sandbox.choice import check_backend, choose_backend

    users = [entry for entry in entries if entry.agent and runs_commands(entry.agent)]
    readiness = check_backend(choose_backend(settings)) if users else None
    if readiness is None or readiness.is_ready:
        return
    for entry in users:
        assert entry.agent is not None
        place = Place(entry.file, entry.agent.lines.get("tools"), "tools")
        message = f"it has no commands here: {readiness.problem}"
        yield Problem("warning", message, place, readiness.advice)


def budget_problems(entries: Iterable["Entry"], settings: "Settings") -> Iterator["Problem"]:
    """Limits of money that cannot be kept, and limits that past runs come close to."""
    from lamplighter.definitions.agent import Problem
    from lamplighter.engine.purse import find_unpriced

    for entry in entries:
        if entry.agent is None:
            continue
        place = Place(entry.file, entry.agent.lines.get("limits"), "limits")
        if model := find_unpriced(entry.agent, settings):
            message = f"a limit of money, and nobody knows what {model} costs: its runs will fail"
            hint = f'give its price in lamplighter.toml: [prices."{model}"]'
            yield Problem("error", message, place, hint)
        foreseen = foresee_entry(entry, settings)
        for message in foreseen.warnings if foreseen else ():
            yield Problem("warning", message, place, "raise the limit, or let it run less often")


def foresee_entry(entry: "Entry", settings: "Settings") -> "Forecast | None":
    """What an agent will use; ``None`` if its file has an error."""
    from lamplighter.engine.purse import foresee
    from lamplighter.store.database import open_database

    if entry.agent is None:
        return None
    return foresee(open_database(settings.database), entry.agent, settings)


def describe_allowance(allowance: Allowance) -> str | None:
    """Such as ``at most $0.50, 20 tool calls``; ``None``: it bounds nothing."""
    bounds = [(kind, getattr(allowance, kind)) for kind in KINDS]
    said = [describe_amount(kind, most) for kind, most in bounds if most is not None]
    return f"at most {', '.join(said)}" if said else None
