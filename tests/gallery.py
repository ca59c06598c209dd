"""A workspace that looks lived in: agents with weeks of runs, for pictures and tests of the page.

The runs are written into the database as they would have been. A run that is started now plays
``TURNS``.
"""

import random
from datetime import datetime, timedelta

import sqlalchemy as sa
from ulid import ULID

from lamplighter.schedule import parse, upcoming
from lamplighter.store.agent_records import record_ending
from lamplighter.store.agents import current_versions, save_agents
from lamplighter.store.runs import Run, add_runs
from lamplighter.store.schedules import Occurrence, record_occurrences
from lamplighter.testing import Workspace, call, turn
from lamplighter.workspace import read_catalogue

TOML = """timezone = "Europe/Berlin"
[sources.notes]
path = "notes"
[sources.mail]
path = "mail"
"""
AGENTS = {
    "daily-digest": (
        "What is new in the notes, every weekday morning",
        "weekdays at 8:30",
        "sources: [notes]",
        "Write a digest of the notes of the last day: one sentence for each, with its id.\n"
        "Deliver it as digest.md, then report.",
    ),
    "weekly-report": (
        "One page on Friday afternoon, with its sources",
        "every friday at 16:00",
        "sources: [notes, mail]",
        "Read the week's notes and mail. Write **one page**: what was decided, what is open,\n"
        "who waits for whom. Cite each source by its id. Deliver it as report.md.",
    ),
    "release-watch": (
        "Tells only when a new version of what we use is out",
        "every 6 hours",
        "sources: [notes]\ntools: [search_documents, read_document, fetch-url]",
        "Look for new releases of the projects in `notes:projects.md`.\n"
        "If there is nothing new, say so and stop.",
    ),
    "inbox-triage": (
        "Sorts the morning's mail into answer, read, and leave",
        "weekdays between 7:00 and 7:30",
        "sources: [mail]",
        "Sort the mail since your last run into three lists: answer, read, leave.",
    ),
    "invoice-table": (
        "Keeps invoices.xlsx up to date from the mail",
        "daily at 22:15",
        "sources: [mail]\ntools: [list_documents, read_document, run_python, deliver_file]",
        "Read new invoices, add a row for each to invoices.xlsx, deliver it.",
    ),
    "standup-notes": (
        "Prepares the stand-up from yesterday's threads",
        "weekdays at 9:15",
        "sources: [notes]\nenabled: false",
        "Prepare the stand-up.",
    ),
    "meeting-briefs": (
        "Who will be there, and what was last said",
        None,
        "sources: [notes, mail]",
        "Prepare a brief for the meeting that you are told.",
    ),
}
NOTES = {
    "notes/launch.md": "# Launch plan\n\nThe launch moved from Monday to Tuesday. "
    "Maria asked for one more review of the copy.\n",
    "notes/support.md": "# Support rota\n\nBo takes Thursday, Ann takes Friday.\n",
    "notes/projects.md": "# Projects\n\nSQLAlchemy, FastAPI, htmx.\n",
    "mail/1.eml": "From: maria@example.org\nTo: ann@example.org\nSubject: Review of the copy\n"
    "Date: Mon, 16 Nov 2026 09:00:00 +0100\n\nCould you look at the last paragraph?\n",
}
REPORT = "# The week\n\n- The launch moved to **Tuesday** (notes:launch.md)\n"
TURNS = [
    turn(call("list_documents"), text="Let me see what came in this week.", sleep=0.3),
    turn(
        call("read_document", id="notes:launch.md"),
        call("read_document", id="notes:support.md"),
        call("search_documents", query="review of the copy"),
        text="Three of these matter. I read them now.",
        sleep=0.6,
    ),
    turn(call("read_document", id="notes:gone.md"), sleep=0.2),
    turn(call("write_file", path="report.md", content=REPORT), sleep=0.8),
    turn(call("deliver_file", path="report.md"), sleep=0.1),
    turn(
        call(
            "report",
            summary="The launch moved to **Tuesday**; Maria waits for one more review of the "
            "copy. One page delivered as `report.md`.",
        ),
        sleep=0.3,
    ),
]
SUMMARIES = (
    "Four notes are new; the launch moved to Tuesday. Delivered digest.md.",
    "Two notes are new, both from the support rota. Delivered digest.md.",
    "Nothing was decided without a note. Seven notes, one page, delivered.",
)


def furnish(workspace: Workspace, now: datetime, *, history: int = 70) -> None:
    """Write agents, and what they have done until ``now``."""
    for name, text in NOTES.items():
        workspace.write(name, text)
    workspace.write("lamplighter.toml", TOML)
    workspace.script(TURNS, "play.yaml")
    for name, (about, when, head, body) in AGENTS.items():
        schedule = f"schedule: {when}\n" if when else ""
        model = "model: scripted:play.yaml\n"
        text = f"---\ndescription: {about}\n{schedule}{model}{head}\n---\n{body}\n"
        workspace.write(f"agents/{name}.md", text)
    engine, zone = workspace.engine, workspace.settings.timezone
    catalogue = read_catalogue(workspace.settings)
    with engine.begin() as connection:
        save_agents(connection, catalogue, zone, now)
        versions = current_versions(connection, list(AGENTS))
        for name, (_, when, _, _) in AGENTS.items():
            if when:
                past = _past(name, when, zone, now, history)
                _remember(connection, name, versions[name][0], past, now)


def _past(agent: str, when: str, zone: str, now: datetime, most: int) -> list[datetime]:
    start = now - timedelta(days=60)
    moments = upcoming(parse(when, timezone=zone), start, anchor=start, seed=agent, count=400)
    return [each for each in moments if each < now][-most:]


def _remember(
    connection: sa.Connection, agent: str, version: str, dues: list[datetime], now: datetime
) -> None:
    chance = random.Random(agent)
    made, fates = [], []
    for due in dues:
        fate = chance.random()
        if fate < 0.03:
            why = "the workspace was not served"
            fates.append(Occurrence(f"{agent}#1", due, agent, "missed", why))
            continue
        run = _run(agent, version, due, chance)
        made.append(run)
        fates.append(Occurrence(f"{agent}#1", due, agent, "ran", run_id=run.id))
    add_runs(connection, made)
    record_occurrences(connection, fates)
    if made:
        record_ending(connection, agent, made[-1].error, now)


def _run(agent: str, version: str, due: datetime, chance: random.Random) -> Run:
    seconds = chance.lognormvariate(3.6, 0.5)
    fate = chance.random()
    status, outcome, error = "completed", "reported", None
    if fate < 0.25 and agent == "release-watch":
        outcome = "nothing_to_report"
    elif fate > 0.95:
        status, outcome, error = "failed", "error", "The model was overloaded, four times in a row."
    elif fate > 0.93:
        status, outcome = "cancelled", "cancelled"
    started = due + timedelta(seconds=chance.uniform(0.05, 1.5))
    requests = chance.randint(3, 9)
    return Run(
        id=str(ULID.from_datetime(due + timedelta(milliseconds=chance.randint(0, 900)))),
        agent=agent,
        version=version,
        trigger="scheduled",
        message="Do your scheduled task now.",
        status=status,  # type: ignore[arg-type]
        outcome=outcome,
        summary=error or chance.choice(SUMMARIES),
        error=error,
        model="anthropic:claude-sonnet-5-5",
        label="",
        due_at=due,
        created_at=due,
        admitted_at=due,
        started_at=started,
        finished_at=started + timedelta(seconds=seconds),
        requests=requests,
        tool_calls=requests + chance.randint(0, 6),
        input_tokens=chance.randint(9_000, 60_000),
        output_tokens=chance.randint(600, 4_000),
    )
