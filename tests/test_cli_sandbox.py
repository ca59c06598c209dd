"""``lamplighter sandbox``, and what else says whether commands can run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from processes import lamplighter
from sandboxes import SANDBOXED

from lamplighter.doctor.examine import examine
from lamplighter.doctor.finding import Finding
from lamplighter.sandbox.toolbox import is_built
from lamplighter.testing import Workspace, temporary_workspace

COMMANDER = "---\ntools: [run_bash]\n---\nWork."


def sandbox_finding(workspace: Workspace) -> Finding:
    [finding] = [each for each in examine(workspace.path) if each.check == "sandbox"]
    return finding


def test_the_program_excel_can_be_put_into_an_image(workspace: Workspace, tmp_path: Path) -> None:
    program = tmp_path / "excel"
    program.write_text(lamplighter(workspace, "sandbox", "excel").stdout)
    program.chmod(0o755)
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    done = subprocess.run([program, "--help"], capture_output=True, text=True, env=environment)
    assert "Look into workbooks." in done.stdout, done.stderr


@SANDBOXED
def test_the_status_says_what_there_is_and_what_it_may_use(workspace: Workspace) -> None:
    done = lamplighter(workspace, "sandbox", "status", "--json", SANDBOX_MEMORY_MB="300")
    data = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert (data["ready"], data["backend"], data["problem"]) == (True, "bubblewrap", "")
    assert data["limits"]["memory_mb"] == 300
    assert (data["toolbox"] is not None) == is_built()


def test_a_sandbox_that_does_not_work_is_told_with_what_to_do(workspace: Workspace) -> None:
    done = lamplighter(workspace, "sandbox", "status", LAMPLIGHTER_SANDBOX="container")
    assert done.returncode == 1
    assert "not ready" in done.stdout
    assert "to do" in done.stdout


@pytest.mark.parametrize(("agent", "level"), [("Go.", "ok"), (COMMANDER, "fail")])
def test_the_doctor_minds_only_where_an_agent_has_commands(agent: str, level: str) -> None:
    files = {"agents/a.md": agent, "lamplighter.toml": 'sandbox = "off"\n'}
    with temporary_workspace(files) as workspace:
        finding = sandbox_finding(workspace)
    assert finding.level == level
    assert "switched off" in finding.message
    assert finding.advice == "LAMPLIGHTER_SANDBOX=auto"


@SANDBOXED
def test_the_doctor_knows_a_sandbox_that_works(workspace: Workspace) -> None:
    assert sandbox_finding(workspace).message.startswith("bubblewrap works")


def test_an_agents_page_says_why_it_has_no_commands() -> None:
    files = {"agents/a.md": COMMANDER, "lamplighter.toml": 'sandbox = "off"\n'}
    with temporary_workspace(files) as workspace:
        shown = lamplighter(workspace, "agent", "show", "a")
        checked = lamplighter(workspace, "agent", "validate", "a")
    for said in (shown.stdout, checked.stderr):
        assert "agents/a.md:2 [tools]: warning: it has no commands here: commands are" in said
