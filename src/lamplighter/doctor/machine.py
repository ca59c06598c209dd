"""Checks of this machine: clock, zones, sandbox."""

import shutil
import subprocess
from datetime import timedelta
from importlib.metadata import version

from lamplighter import clock
from lamplighter.definitions.agent import SHELL_TOOLS, runs_commands
from lamplighter.doctor.finding import Case, Finding, Level
from lamplighter.sandbox.choice import check_backend, choose_backend
from lamplighter.sandbox.toolbox import SETUP_COMMAND, is_built
from lamplighter.schedule import describe_seconds
from lamplighter.store.health import newest_record
from lamplighter.store.server import ServerHealth

TOLERANCE = timedelta(minutes=2)
"""How far in the future a record may lie, or another clock be away, before this one is wrong."""

NOTICEABLE = timedelta(seconds=2)
"""How far this machine's clock may be away from the database's before schedules fire that late."""


def check_clock(case: Case) -> Finding:
    """The clock does not lag behind what has been recorded with it, and is kept right."""
    now, name = clock.now(), "clock"
    if isinstance(case.health, ServerHealth) and abs(case.health.ahead) > NOTICEABLE:
        return _tell_skew(case.health.ahead)
    newest = case.engine and newest_record(case.engine)
    if newest and newest > now + TOLERANCE:
        message = f"it shows {now:%Y-%m-%d %H:%M} UTC, but something was recorded at "
        message += f"{newest:%Y-%m-%d %H:%M} UTC"
        return Finding(name, "fail", message, "set the clock; schedules follow it")
    if _synchronized() == "no":
        message = f"{now:%Y-%m-%d %H:%M} UTC, but nothing keeps it right"
        return Finding(name, "warn", message, "timedatectl set-ntp true")
    return Finding(name, "ok", f"{now:%Y-%m-%d %H:%M} UTC")


def _tell_skew(ahead: timedelta) -> Finding:
    seconds = abs(ahead) // timedelta(seconds=1)
    message = f"it is {describe_seconds(seconds)} {'ahead of' if ahead > timedelta() else 'behind'}"
    level: Level = "fail" if abs(ahead) > TOLERANCE else "warn"
    advice = "set the clocks of both machines: timedatectl set-ntp true"
    return Finding("clock", level, f"{message} the database's", advice)


def check_zone(case: Case) -> Finding:
    """The zone's rules are there; that the zone is known, the settings have checked."""
    return Finding("time zone", "ok", f"{case.settings.timezone}, tzdata {version('tzdata')}")


def check_sandbox(case: Case) -> Finding:
    """Commands of agents can run apart, if any agent has commands."""
    name = "sandbox"
    readiness = check_backend(choose_backend(case.settings))
    users = [agent.name for agent in case.catalogue.agents.values() if runs_commands(agent)]
    if not readiness.is_ready:
        message = f"{readiness.problem}; so no agent has {' or '.join(SHELL_TOOLS)}"
        message += f" ({', '.join(users)})" if users else ""
        return Finding(name, "fail" if users else "ok", message, readiness.advice)
    if readiness.backend == "container":
        return Finding(name, "ok", "container works, with what its image has")
    if not is_built():
        message = f"{readiness.backend} works, but there is only a bare Python in it"
        return Finding(name, "warn" if users else "ok", message, SETUP_COMMAND)
    return Finding(name, "ok", f"{readiness.backend} works, with the toolbox")


def _synchronized() -> str:
    """``yes`` or ``no`` as systemd says it; empty where it does not run."""
    program = shutil.which("timedatectl")
    if program is None:
        return ""
    command = [program, "show", "--property=NTPSynchronized", "--value"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)  # noqa: S603  # a fixed command
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
