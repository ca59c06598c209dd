"""Tests of agents as people write them: pass, fail with the reason, and let nothing out."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import lamplighter
from team import ANN, made_team

from lamplighter.engine.trials import Verdict, find_trials, try_agent
from lamplighter.testing import Workspace, temporary_workspace
from lamplighter.workspace import read_catalogue

AGENT = (
    "---\nsources: [notes]\ntools: [list_documents, read_document, recall, write_file, "
    "deliver_file, run_bash]\n---\nWrite a digest."
)
HEAD = """\
documents: {"notes:lamp.md": "Lit at dusk."}
turns:
  - calls: [{tool: read_document, arguments: {id: "notes:lamp.md"}}]
  - expect: ["Lit at dusk."]
    calls:
      - {tool: write_file, arguments: {path: a.md, content: Lit.}}
      - {tool: deliver_file, arguments: {path: a.md}}
  - calls: [{tool: report, arguments: {summary: One note.}}]
"""


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    files = {"agents/digest.md": AGENT, "notes/private.md": "mine"}
    files["lamplighter.toml"] = 'timezone = "UTC"\n[sources.notes]\npath = "notes"\n'
    with temporary_workspace(files, sources={"notes": {"path": "notes"}}) as made:
        yield made


def verdict(workspace: Workspace, text: str) -> Verdict:
    workspace.write("agents/digest/tests/one.yaml", text)
    agent = read_catalogue(workspace.settings).agents["digest"]
    [file] = find_trials(workspace.path, "digest")
    return try_agent(agent, file, workspace.settings)


def test_a_test_that_holds_passes_and_leaves_nothing(workspace: Workspace) -> None:
    wanted = "expect: {calls: [{tool: read_document}, {tool: deliver_file}], effects: [file]}\n"
    done = verdict(workspace, HEAD + wanted + "forbid: {effects: [email]}\n")
    assert done.failures == ()
    assert not (workspace.path / "delivered").exists()
    assert list(read_catalogue(workspace.settings).agents) == ["digest"]  # a test is no agent


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ("expect: {outcome: nothing_to_report}", "it ended as reported"),
        ("expect: {summary: [Two]}", "does not say 'Two'"),
        ("expect: {calls: [{tool: deliver_file}, {tool: read_document}]}", "not in this order"),
        ("expect: {calls: [{tool: read_document, arguments: {id: x}}]}", "did not call"),
        ("expect: {effects: [email]}", "no effect 'email'"),
        ("forbid: {effects: [any]}", "it wanted to do this: file"),
        ("forbid: {calls: [{tool: write_file}]}", "it called write_file"),
        ("expct: {}", "Extra inputs"),
        ("documents: {'mail:x': y}", "duplicate"),
    ],
)
def test_a_test_that_does_not_hold_says_why(workspace: Workspace, wanted: str, reason: str) -> None:
    [failure, *_] = verdict(workspace, HEAD + wanted).failures
    assert reason in failure


@pytest.mark.parametrize("id", ["mail:x", "x", "notes:../../x"])
def test_documents_are_in_the_agents_sources(workspace: Workspace, id: str) -> None:
    [failure] = verdict(workspace, f'documents: {{"{id}": y}}\nturns: [{{text: x}}]').failures
    assert "source" in failure


def test_it_sees_its_own_documents_notes_and_answers_and_no_others(workspace: Workspace) -> None:
    text = """\
documents: {"notes:a.md": Alpha}
notes: {plan: Go west.}
answers: [{tool: run_bash, result: The page.}]
turns:
  - calls: [{tool: list_documents}, {tool: recall}, {tool: run_bash, arguments: {command: ls}}]
  - expect: ["notes:a.md", Go west., The page.]
    calls: [{tool: report, arguments: {summary: Seen.}}]
"""
    done = verdict(workspace, text)
    assert done.failures == ()
    assert done.rehearsal is not None
    assert "private" not in json.dumps([dict(each.data) for each in done.rehearsal.told][:6])


def test_the_command_tells_by_its_exit_code(workspace: Workspace) -> None:
    nothing = lamplighter(workspace, "agent", "test")
    assert (nothing.returncode, "No tests" in nothing.stdout) == (0, True)
    workspace.write("agents/digest/tests/one.yaml", HEAD)
    good = lamplighter(workspace, "agent", "test", "digest")
    assert (good.returncode, good.stdout.splitlines()[-1]) == (0, "1 passed, 0 failed")
    workspace.write("agents/digest/tests/two.yaml", HEAD + "forbid: {effects: [file]}")
    bad = lamplighter(workspace, "agent", "test", "--json")
    assert bad.returncode == 3
    assert [each["passed"] for each in json.loads(bad.stdout)] == [True, False]


def test_a_teams_agents_are_tested_from_the_database_and_files_before_they_are_applied(
    tmp_path: Path,
) -> None:
    with made_team() as team:
        name = team.agent(ANN, "digest", head="sources: [notes]\ntools: [read_document]")
        nothing = lamplighter(team.workspace, "agent", "test", name)
        assert f"agents/{name}/tests/*.yaml" in nothing.stdout
        test = (
            HEAD.split("  - expect")[0]
            + "  - calls: [{tool: nothing_to_report, arguments: {reason: no}}]\n"
        )
        test += "expect: {outcome: nothing_to_report, calls: [{tool: read_document}]}\n"
        team.workspace.write(f"agents/{name}/tests/one.yaml", test)
        good = lamplighter(team.workspace, "agent", "test")
        assert (good.returncode, good.stdout.splitlines()[-1]) == (0, "1 passed, 0 failed")
        draft = tmp_path / "draft.md"
        draft.write_text("---\nsources: [notes]\ntools: [list_documents]\n---\nGo.")
        (tmp_path / "draft/tests").mkdir(parents=True)
        (tmp_path / "draft/tests/two.yaml").write_text(test)
        bad = lamplighter(team.workspace, "agent", "test", str(draft), "--json")
        assert (bad.returncode, json.loads(bad.stdout)[0]["agent"]) == (3, "draft")
