"""All checks of a workspace, in the order in which things have to work."""

from collections.abc import Callable
from pathlib import Path

from lamplighter.doctor.database import (
    check_disk,
    check_integrity,
    check_journal,
    check_schema,
)
from lamplighter.doctor.email import check_email
from lamplighter.doctor.files import (
    check_agents,
    check_folders,
    check_secrets,
    check_servers,
    check_settings,
)
from lamplighter.doctor.finding import Case, Finding
from lamplighter.doctor.machine import check_clock, check_sandbox, check_zone
from lamplighter.doctor.models import check_agent_models, check_default_model
from lamplighter.doctor.server import check_pgvector, check_server, check_workers
from lamplighter.doctor.service import (
    check_holder,
    check_notices,
    check_pauses,
    check_schedules,
    check_sources,
)
from lamplighter.errors import DatabaseUnavailable, InvalidSettings, Unreadable
from lamplighter.store.database import SCHEMA_VERSION, open_database
from lamplighter.store.health import Health, examine_database
from lamplighter.workspace import load_settings, read_catalogue

Check = Callable[[Case], Finding | None]

CHECKS: tuple[Check, ...] = (
    check_folders,
    check_secrets,
    check_settings,
    check_servers,
    check_agents,
    check_default_model,
    check_agent_models,
    check_email,
    check_schema,
    check_integrity,
    check_journal,
    check_server,
    check_pgvector,
    check_disk,
    check_holder,
    check_workers,
    check_schedules,
    check_pauses,
    check_notices,
    check_sources,
    check_clock,
    check_zone,
    check_sandbox,
)


def examine(workspace: Path) -> list[Finding]:
    """Look at everything, and change nothing."""
    try:
        settings = load_settings(workspace)
    except InvalidSettings as error:
        return [Finding("settings", "fail", str(error), "mend it; the rest depends on it")]
    catalogue = read_catalogue(settings)
    try:
        health = examine_database(settings.database)
    except (Unreadable, DatabaseUnavailable) as error:
        return _run(Case(settings=settings, catalogue=catalogue, unreadable=str(error)))
    damaged = isinstance(health, Health) and health.problem
    usable = health is not None and health.version == SCHEMA_VERSION and not damaged
    engine = open_database(settings.database) if usable else None
    try:
        return _run(Case(settings=settings, catalogue=catalogue, health=health, engine=engine))
    finally:
        if engine is not None:
            engine.dispose()


def _run(case: Case) -> list[Finding]:
    return [finding for check in CHECKS if (finding := check(case))]
