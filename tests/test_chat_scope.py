"""Whatever a viewer does in a chat never shows a document outside their scope: a property.

Random people, groups, lists of access and agents; a model that calls every tool that reads, with
what somebody would try; and an oracle that follows the graph by hand.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from team import made_team
from test_access import SOURCES, USERS, WORDS, Doc, World, build, worlds

from lamplighter import clock
from lamplighter.access import agent_of
from lamplighter.accounts import Caller
from lamplighter.agent.budget import Budget
from lamplighter.agent.conversation import converse
from lamplighter.definitions.catalogue import Entry
from lamplighter.definitions.markdown import read_agent
from lamplighter.engine import chat as chats
from lamplighter.engine.preparation import prepare
from lamplighter.outbox import Outbox
from lamplighter.roster import Roster
from lamplighter.store.agents import save_entry
from lamplighter.store.runs import get_run, start_run
from lamplighter.testing import Workspace, call, turn

TOOLS = "[list_documents, search_documents, read_document, search_people, read_file]"
PEOPLE = sorted(USERS)
HOSTILE = ["", "*", "/", "..", "../../etc/passwd", "notes", "chat:", "%", "' OR 1=1 --", "\u0000"]


@dataclass
class Told:
    """A journal that keeps what tools have answered, and nothing else."""

    results: list[str] = field(default_factory=list)

    async def step(self, _name: str, call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return await call()

    def event(self, _key: str, kind: str, data: Mapping[str, object]) -> None:
        if kind == "tool_result":
            self.results.append(str(data))


@pytest.fixture(scope="module")
def workspace() -> Iterator[Workspace]:
    sources = {name: {"path": name} for name in SOURCES}
    with made_team(sources=sources, max_iterations=1000) as team:
        yield team.workspace


def marked(world: World) -> World:
    """Each document says something, and is by somebody, that no other has."""
    docs = [
        replace(doc, text=f"{doc.text} zq{number}x", author=f"author{number}@w.org")
        for number, doc in enumerate(world.docs)
    ]
    return replace(world, docs=tuple(docs))


def calls(docs: tuple[Doc, ...], tries: list[str], numbers: list[int]) -> list[dict[str, Any]]:
    """All that reads, with what is there and what is not."""
    ids = [*(doc.id for doc in docs), *tries]
    queries = [*WORDS, *tries, *(f"in:{source}" for source in SOURCES), "type:file", "by:author"]
    return [
        call("list_documents", limit=200),
        *(call("list_documents", source=source, limit=200) for source in (*SOURCES, *tries)),
        call("list_documents", since_last_run=True, limit=200),
        *(call("search_documents", query=query, limit=100) for query in queries),
        *(call("search_documents", query=WORDS[0], offset=number) for number in numbers),
        *(call("search_documents", query=WORDS[0], document_id=id) for id in ids),
        *(call("read_document", id=id) for id in ids),
        *(call("read_document", id=id, start_line=1, name="../x") for id in ids),
        *(call("search_people", query=query, limit=50) for query in ("", "author", *tries)),
        *(call("read_file", path=id) for id in ids),
    ]


def save_agent(workspace: Workspace, name: str, head: str) -> None:
    text = f"---\n{head}\nmodel: scripted:script.yaml\n---\nHelp."
    agent, problems = read_agent(text, name=name, file="x.md", timezone="UTC")
    assert agent
    entry = Entry(name, "x.md", agent, tuple(problems), text)
    with workspace.engine.begin() as connection:
        save_entry(connection, entry, "UTC", clock.now(), author="x")


def talk(workspace: Workspace, viewer: str, agent: str) -> Told:
    """One turn of a viewer with an agent."""
    home = Roster(workspace.settings, workspace.engine)
    begun = chats.begin_chat(home, Caller(viewer, admin=False), agent, "Show me everything.")
    run_id, told = begun.turns[0].run_id, Told()
    assert run_id is not None
    with workspace.engine.begin() as connection:
        start_run(connection, run_id, "worker", clock.now())
    outbox = Outbox(workspace.engine, run_id, "worker")
    run = get_run(workspace.engine, run_id)
    prepared = prepare(run, Budget(1000), told, outbox, workspace.settings)
    assert prepared.spoken is not None
    ending = asyncio.run(converse(prepared.task, prepared.spoken.talk, told))
    assert ending.outcome == "answered"
    return told


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    world=worlds().map(marked),
    viewer=st.sampled_from(PEOPLE),
    owner=st.sampled_from(PEOPLE),
    is_org=st.booleans(),
    sources=st.none() | st.sets(st.sampled_from(SOURCES)),
    tries=st.lists(st.sampled_from(HOSTILE), max_size=3, unique=True),
    numbers=st.lists(st.integers(0, 50), max_size=2),
)
def test_a_viewer_sees_in_a_chat_exactly_what_is_theirs_and_the_agents(
    workspace: Workspace,
    world: World,
    viewer: str,
    owner: str,
    is_org: bool,
    sources: set[str] | None,
    tries: list[str],
    numbers: list[int],
) -> None:
    build(workspace.engine, world)
    name = "census" if is_org else agent_of(USERS[owner][0], "mine")
    kind = f"type: org\nactions: {TOOLS}" if is_org else f"tools: {TOOLS}"
    listed = "" if sources is None else f"\nsources: {sorted(sources)}"
    save_agent(workspace, name, kind + listed)
    given_calls = calls(world.docs, [each for each in tries if "\0" not in each], numbers)
    workspace.script([turn(*given_calls), turn(text="That is all.")])
    told = "\n".join(talk(workspace, USERS[viewer][0], name).results)

    reach = set(SOURCES) if is_org and sources is None else (sources or set())
    for number, doc in enumerate(world.docs):
        visible = doc.source in reach and world.admits(viewer, doc.access)
        assert (f"zq{number}x" in told) == visible, doc
        assert (f"author{number}@w.org" in told) == visible, doc
