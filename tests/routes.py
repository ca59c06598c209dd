"""Routes, and what stands under each of their parameters: for tests of who may do what."""

import hashlib
from dataclasses import dataclass

from team import ANN, BO, ROOT, Team

from lamplighter import clock
from lamplighter.accounts import make_token
from lamplighter.roster import id_of
from lamplighter.store.contents import save_content
from lamplighter.store.events import Event, add_events
from lamplighter.store.notes import write_note
from lamplighter.store.notices import add_notice, list_notices
from lamplighter.store.outbox import add_intent, new_intent, settle
from lamplighter.store.users import add_group

ABSENT = "999"
DIGEST = b"Two notes are new."
SHA256 = hashlib.sha256(DIGEST).hexdigest()
TOPIC = "plan"


@dataclass(frozen=True)
class Route:
    """A method and a path with parameters."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def changes(self) -> bool:
        return self.method != "get"


@dataclass(frozen=True)
class Places:
    """The values of the parameters in paths, by whose they are."""

    values: dict[str, dict[str, str]]

    def fill(self, path: str, whose: str) -> str:
        for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
            path = path.replace(f"{{{name}}}", self.values[whose][name])
        return path


def all_places(team: Team) -> Places:
    """Something of ANN's, of BO's and of the organisation's under each parameter, and nothing."""
    census = team.agent(ROOT, "census", org=True, head="actions: [read_document]")
    agents = {
        "own": (ANN, team.agent(ANN, "digest")),
        "other": (BO, team.agent(BO, "digest")),
        "org": (ROOT, census),
    }
    values = {
        whose: things_of(team, user, agent, talks_with=census)
        for whose, (user, agent) in agents.items()
    }
    return Places({**values, ABSENT: dict.fromkeys(values["own"], ABSENT)})


def things_of(team: Team, user: str, agent: str, *, talks_with: str = "") -> dict[str, str]:
    """What a user has under each parameter: an agent that has run, noted and delivered things."""
    run = _run(team, agent)
    _remember(team, agent)
    chat, approval = team.asking_chat(user, talks_with or agent)
    return {
        "agent": id_of(agent),
        "run_id": run,
        "effect": _delivered(team, run),
        "sha256": SHA256,
        "notice": _noticed(team, agent),
        "chat": chat,
        "approval": approval,
        "token": make_token(team.workspace.engine, user, "kept", ("read",), None)[0].id,
        "user": BO,
        "group": _group(team),
        "name": "notes",
        "number": "1",
        "turn": "1",
    }


def _run(team: Team, agent: str) -> str:
    run = team.run(agent)
    asked = Event(run, 1, "asked", clock.now(), "message", {"role": "user", "content": "Go."})
    with team.workspace.engine.begin() as connection:
        add_events(connection, [asked])
    return run


def _remember(team: Team, agent: str) -> None:
    """Something to see, to forget, and to restore."""
    with team.workspace.engine.begin() as connection:
        for number, text in enumerate(("West.", "East.")):
            origin, now = f"{agent}/{number}", clock.now()
            write_note(connection, agent, TOPIC, text, labels=(), origin=origin, now=now)


def _delivered(team: Team, run: str) -> str:
    engine = team.workspace.engine
    save_content(engine, run, SHA256, DIGEST)
    payload = {"path": "digest.md", "sha256": SHA256, "size_bytes": len(DIGEST)}
    entry = new_intent(run, "1:a", "file", "delivered", payload)
    assert add_intent(engine, "worker", entry)
    return settle(engine, entry.id, "sent", receipt={}).id


def _noticed(team: Team, agent: str) -> str:
    with team.workspace.engine.begin() as connection:
        add_notice(connection, "failure", agent, "It failed.", now=clock.now(), agent=agent)
    return next(each.id for each in list_notices(team.workspace.engine) if each.agent == agent)


def _group(team: Team) -> str:
    with team.workspace.engine.begin() as connection:
        add_group(connection, "eng", [BO])
    return "eng"
