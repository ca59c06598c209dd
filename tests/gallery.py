"""A workspace that looks lived in: agents with weeks of runs, for pictures and tests of the page.

The runs are written into the database as they would have been. A run that is started now plays
``TURNS``, a chat with ``assistant`` plays ``TALK``.
"""

import random
from datetime import datetime, timedelta
from email.utils import format_datetime

import sqlalchemy as sa
from ulid import ULID

from lamplighter.allowance import Usage
from lamplighter.engine.purse import day_at
from lamplighter.schedule import parse, upcoming
from lamplighter.store.agent_records import record_ending
from lamplighter.store.agents import current_versions, save_agents
from lamplighter.store.notes import write_note
from lamplighter.store.notices import add_notice
from lamplighter.store.runs import Run, add_runs
from lamplighter.store.schedules import Occurrence, record_occurrences
from lamplighter.store.spending import add_spending
from lamplighter.testing import Workspace, call, turn
from lamplighter.workspace import read_catalogue

TOML = """timezone = "Europe/Berlin"
[sources.notes]
path = "notes"
[sources.mail]
type = "mail"
path = "mail.mbox"
"""
SOURCES = {"notes": {"path": "notes"}, "mail": {"type": "mail", "path": "mail.mbox"}}
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
        "sources: [notes, mail]\nlimits: {per_day: {cost: 2.00, input_tokens: 400000}}",
        "Read the week's notes and mail. Write **one page**: what was decided, what is open,\n"
        "who waits for whom. Cite each source by its id. Deliver it as report.md.",
    ),
    "release-watch": (
        "Tells only when a new version of what we use is out",
        "every 6 hours",
        "sources: [notes]\ntools: [search_documents, read_document, fetch-url]\n"
        "fetch: {allow: [https://example.org/releases.xml]}",
        "Look for new releases of the projects in `notes:projects.md`.\n"
        "If there is nothing new, say so and stop.",
    ),
    "inbox-triage": (
        "Sorts the morning's mail into answer, read, and leave",
        "weekdays between 7:00 and 7:30",
        "sources: [mail, notes]\neffects: hold",
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
    "assistant": (
        "Answers questions about the notes and the mail",
        None,
        "sources: [notes, mail]",
        "Answer from the notes and the mail. Cite each source by its id.",
    ),
}
NOTES = {
    "notes/launch.md": "# Launch plan\n\nThe launch moved from Monday to Tuesday. "
    "Maria asked for one more review of the copy.\n",
    "notes/support.md": "# Support rota\n\nBo takes Thursday, Ann takes Friday.\n",
    "notes/projects.md": "# Projects\n\nSQLAlchemy, FastAPI, htmx.\n",
    "notes/budget.md": "# Budget of the launch\n\nThe copy and the pictures: 4,200. Maria has "
    "approved it; what the second review costs is open.\n",
    "notes/decisions.md": "# Decisions\n\n- The launch is on Tuesday.\n- One review more.\n",
    "notes/onboarding.md": "# Onboarding\n\nA laptop, a key, a lunch; then the launch plan.\n",
    "mail/2.eml": "From: Bo Lind <bo@example.org>\nTo: ann@example.org\nSubject: Support while we "
    "launch\nDate: Tue, 17 Nov 2026 11:30:00 +0100\n\nI take Thursday and Friday, so that the "
    "launch has you.\n",
    "mail/3.eml": "From: Chris Oye <chris@example.net>\nTo: ann@example.org\nSubject: Invoice 118, "
    "pictures\nDate: Wed, 18 Nov 2026 08:10:00 +0100\n\nThe pictures for the launch: 1,350.\n",
    "mail/4.eml": "From: Maria Silva <maria@example.org>\nTo: ann@example.org, bo@example.org\n"
    "Subject: Re: Review of the copy\nDate: Thu, 19 Nov 2026 16:45:00 +0100\n\nOne more review of "
    "the copy, then the launch can go.\n",
}
MARIA, BO, CHRIS = (
    "Maria Silva <maria@example.org>",
    "Bo Lind <bo@example.org>",
    "Chris Oye <chris@example.net>",
)
MAILS = (
    (MARIA, "Review of the copy", 6, "Could you look at it once more? The launch needs it."),
    (BO, "Support while we launch", 5, "I take Thursday and Friday, so that the launch has you."),
    (CHRIS, "Invoice 118, pictures", 40, "The pictures for the launch: 1,350."),
    (MARIA, "Re: Review of the copy", 2, "One more review of the copy, then the launch can go."),
)
"""Who wrote, of what, how many days ago, and what."""

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
ANSWER = (
    "The launch is on **Tuesday** (notes:launch.md). Two things are open before it:\n\n"
    "1. Maria wants *one more review* of the copy (the mail of Maria).\n"
    "2. The budget does not have that review yet (notes:budget.md).\n"
)
TALK = [
    turn(call("search_documents", query="launch"), call("read_document", id="notes:launch.md")),
    turn(text=ANSWER),
    turn(call("write_file", path="open.md", content=ANSWER), call("deliver_file", path="open.md")),
    turn(text="Done: open.md is delivered."),
]
MEMORY = (
    ("open questions", "Who pays for the second review? Asked Maria on 17 November.", ("private",)),
    ("style", "One page. Names first, then dates. No adjectives.", ()),
    ("senders", "chris@example.net says that invoices go to him directly.", ("untrusted",)),
)
SUMMARIES = (
    "Four notes are new; the launch moved to Tuesday. Delivered digest.md.",
    "Two notes are new, both from the support rota. Delivered digest.md.",
    "Nothing was decided without a note. Seven notes, one page, delivered.",
)


def furnish(workspace: Workspace, now: datetime, *, history: int = 70) -> None:
    """Write agents, and what they have done until ``now``."""
    for name, text in NOTES.items():
        workspace.write(name, text)
    workspace.write("mail.mbox", "".join(_mail(*mail, now) for mail in MAILS))
    workspace.write("lamplighter.toml", TOML)
    workspace.script(TURNS, "play.yaml")
    workspace.script(TALK, "talk.yaml")
    for name, (about, when, head, body) in AGENTS.items():
        schedule = f"schedule: {when}\n" if when else ""
        model = f"model: scripted:{'talk' if name == 'assistant' else 'play'}.yaml\n"
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
        _note(connection, now)
        _spend(connection, zone, now)


def _mail(sender: str, subject: str, days: int, text: str, now: datetime) -> str:
    """A mail as an mbox file has it."""
    at = format_datetime(now - timedelta(days=days))
    head = f"From: {sender}\nTo: ann@example.org\nSubject: {subject}\nDate: {at}\n"
    first, id_ = "From gallery Mon Nov 16 09:00:00 2026\n", f"Message-ID: <{days}@example.org>\n"
    return f"{first}{head}{id_}\n{text}\n\n"


def _note(connection: sa.Connection, now: datetime) -> None:
    for number, (topic, text, labels) in enumerate(MEMORY):
        origin, at = f"gallery/{number}", now - timedelta(days=3 * number, hours=5)
        write_note(connection, "weekly-report", topic, text, labels=labels, origin=origin, now=at)
    failed = "release-watch failed: The model was overloaded, four times in a row."
    at = now - timedelta(hours=7)
    add_notice(connection, "failure", "gallery", failed, now=at, agent="release-watch")


def _spend(connection: sa.Connection, zone: str, now: datetime) -> None:
    usage = Usage(9, 14, 71.0, 212_400, 6_100, 1_310_000)
    day = day_at(now, zone).name
    add_spending(connection, "gallery", [("weekly-report", day)], True, usage, priced=True)


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
        cost_microusd=chance.randint(30_000, 240_000),
    )
