"""Agents that could carry private things to a stranger, or change any file, are refused on save."""

import pytest

from lamplighter.accounts import OWNER_ID, Caller
from lamplighter.definitions.agent import Agent, Problem
from lamplighter.definitions.exposure import check_exposure
from lamplighter.definitions.markdown import read_agent
from lamplighter.definitions.references import Known
from lamplighter.errors import InvalidInput
from lamplighter.roster import Roster
from lamplighter.testing import Workspace, temporary_workspace
from lamplighter.workspace import read_catalogue

CHILD = "tools: [read_document]\nsources: [notes]"


def read(fields: str) -> Agent:
    agent, problems = read_agent(
        f"---\n{fields}\n---\nGo.", name="a", file="agents/a.md", timezone="UTC"
    )
    assert agent is not None, problems
    return agent


def check(fields: str, **known: object) -> list[Problem]:
    there = Known(
        tools=(),
        sources=(),
        find={"child": read(CHILD)}.get,
        fixes=lambda server, tool: (server, tool) == ("time", "convert"),
        **known,  # type: ignore[arg-type]
    )
    return check_exposure(read(fields), file="agents/a.md", known=there)


@pytest.mark.parametrize(
    ("fields", "line", "field", "hint"),
    [
        ("tools: [read_document, fetch-url]\nsources: [n]", 2, "tools[1]", "fetch: {allow:"),
        ("tools:\n- fetch-url\n- file-readText", 3, "tools[0]", "fetch: {allow:"),
        ("tools: [read_document, 'mcp:web/get']\nsources: [n]", 2, "tools[1]",
         "fixed = ['get'] in [mcp.web]"),
        ("tools: ['mcp:mail/read', 'mcp:web/get']", 2, "tools[0]", "fixed = ['read']"),
        ("tools: [read_document, run_bash]\nsources: [n]\nnetwork: {allow: [x.org]}", 4,
         "network", "leave out network"),
        ("tools: ['agent:child', fetch-url]", 2, "tools[1]", "fetch: {allow:"),
        ("type: org\nactions: [search_documents, web-search]", 3, "actions[1]", "leave it out"),
        ("tools: [read_document, file-writeText]\nsources: [n]", 2, "tools[1]", "writes: ["),
    ],
)  # fmt: skip
def test_what_a_stranger_could_use_is_an_error(
    fields: str, line: int, field: str, hint: str
) -> None:
    [problem] = check(fields)
    assert problem.level == "error"
    assert (problem.place.file, problem.place.line, problem.place.field) == (
        "agents/a.md", line, field,
    )  # fmt: skip
    assert hint in problem.hint


@pytest.mark.parametrize(
    "fields",
    [
        "tools: [read_document, write_file, deliver_file, run_python]\nsources: [n]",
        "tools: [fetch-url, web-search]",
        "tools: [fetch-url, read_document]",  # no sources: it reads nothing
        "tools: [read_document, fetch-url]\nsources: [n]\nfetch: {allow: ['https://x.org/a']}",
        "tools: [read_document, 'mcp:time/convert']\nsources: [n]",
        "tools: ['mcp:tracker/list', 'mcp:tracker/create']",  # its own data, to itself
        "type: org\nactions: [read_document, send_email, webhook]\nemail: {to: [a@x.org]}",
        "tools: [run_bash]\nnetwork: {allow: [x.org]}",
        "tools: [read_document, file-writeText]\nsources: [n]\nwrites: [digests/]",
        "tools: [file-writeText]",
    ],
)
def test_what_no_stranger_could_use_is_fine(fields: str) -> None:
    assert check(fields) == []


def test_another_programs_agents_are_warned_of() -> None:
    fields = "tools: [file-readText, fetch-url, file-remove]"
    found = check(fields, is_foreign=lambda _agent: True)
    assert [problem.level for problem in found] == ["warning", "warning"]
    assert "held or refused" in found[0].message


LEAKY = "---\ntools: [read_document, fetch-url]\nsources: [notes]\n---\nGo."


def test_such_an_agent_is_not_saved(workspace: Workspace) -> None:
    home = Roster(workspace.settings, workspace.engine)
    with pytest.raises(InvalidInput, match=r"agents/a.md:2 \[tools\[1\]\].*fetch: \{allow"):
        home.apply(Caller(OWNER_ID, admin=True), "a", LEAKY)


def test_files_of_ones_own_are_refused_and_rowboats_are_warned_of() -> None:
    tools = "{get: {type: builtin, name: fetch-url}, read: {type: builtin, name: file-readText}}"
    as_map = f"---\ntools: {tools}\n---\nGo."
    with temporary_workspace(
        {"agents/mine.md": LEAKY, "agents/theirs.md": as_map, "notes/a.md": "A"},
        sources={"notes": {"path": "notes"}},
    ) as workspace:
        levels = {
            e.name: [p.level for p in e.problems]
            for e in read_catalogue(workspace.settings).entries
        }
        assert levels == {"mine": ["error"], "theirs": ["warning"]}
        workspace.write("config/mcp.json", "{}")
        entries = read_catalogue(workspace.settings).entries
        assert [p.level for e in entries for p in e.problems] == ["warning", "warning"]


def test_agents_that_call_each_other_are_looked_through() -> None:
    files = {
        "agents/a.md": "---\ntools: ['agent:b', fetch-url]\n---\nGo.",
        "agents/b.md": "---\ntools: ['agent:a', read_document]\nsources: [notes]\n---\nGo.",
        "notes/a.md": "A",
    }
    with temporary_workspace(files, sources={"notes": {"path": "notes"}}) as workspace:
        wrong = {e.name for e in read_catalogue(workspace.settings).entries if e.errors}
    assert wrong == {"a", "b"}
