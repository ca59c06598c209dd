"""Agents of other programs."""

import json
from pathlib import Path

import pytest
from processes import lamplighter

from lamplighter.definitions.agent import Agent
from lamplighter.definitions.importing import Imported, import_agents
from lamplighter.definitions.markdown import read_agent
from lamplighter.errors import InvalidInput
from lamplighter.schedule import describe
from lamplighter.testing import temporary_workspace

CLAUDE = """\
---
name: code-reviewer
description: Reviews code
tools: Read, Grep, Bash(git:*), mcp__time__convert_time, NotebookEdit
disallowedTools: Write
model: sonnet
---
Review the code.
"""
TASK = "---\nname: Morning brief\ncron: 0 8 * * 1-5\ntimezone: Europe/Berlin\n---\nWrite a brief."
SKILL = "---\nname: pdf-forms\ndescription: Fills forms\nallowed-tools: Read Write\n---\nFill it."
GOOSE = """\
version: 1.0.0
title: News Digest
description: Digest of the news
instructions: You are a journalist. Write about {{ topic }}.
prompt: Write today's digest.
settings: {goose_provider: anthropic, goose_model: claude-sonnet-5-5, max_turns: 12}
extensions: [{type: builtin, name: developer}]
parameters: [{key: topic}]
retry: {max_retries: 3}
"""
OPENCLAW = {
    "version": 1,
    "jobs": [
        {
            "id": "a1",
            "name": "Mail check",
            "enabled": True,
            "schedule": {"kind": "cron", "expr": "*/30 9-17 * * *", "tz": "America/New_York"},
            "payload": {"kind": "agentTurn", "message": "Check mail", "timeoutSeconds": 120},
            "delivery": {"mode": "announce", "channel": "telegram"},
        },
        {"id": "a2", "schedule": {"kind": "every", "everyMs": 3600000}, "prompt": "Look around"},
    ],
}
HERMES = [{"id": "b1", "name": "Backup", "prompt": "Back up", "schedule": "every 2h"}]


def only(text: str, path: str) -> tuple[Imported, Agent]:
    [found] = import_agents(text, path)
    return found, agent_of(found)


def agent_of(found: Imported) -> Agent:
    agent, problems = read_agent(found.text, name=found.name, file="x.md", timezone="UTC")
    assert agent is not None, problems
    assert problems == ()
    assert not agent.enabled
    return agent


def test_a_subagent_of_claude() -> None:
    found, agent = only(CLAUDE, ".claude/agents/code-reviewer.md")
    assert (agent.name, agent.description) == ("code-reviewer", "Reviews code")
    assert agent.instructions == "Review the code."
    assert agent.tools == ("workspace-readFile", "workspace-grep", "mcp:time/convert_time")
    lost = "\n".join(found.lost)
    for each in ("Bash(git:*)", "NotebookEdit", "disallowedTools", "safeguard", "sonnet"):
        assert each in lost


def test_a_scheduled_task_of_claude() -> None:
    _, agent = only(TASK, "tasks/morning.md")
    assert agent.name == "morning-brief"
    assert describe(agent.schedules[0]) == "At 08:00 on Monday through Friday (Europe/Berlin)"


def test_a_skill() -> None:
    _, agent = only(SKILL, "skills/pdf/SKILL.md")
    assert (agent.name, agent.tools) == ("pdf-forms", ("workspace-readFile", "workspace-writeFile"))


def test_a_recipe_of_goose() -> None:
    found, agent = only(GOOSE, "recipes/news.yaml")
    assert (agent.name, agent.model) == ("news-digest", "anthropic:claude-sonnet-5-5")
    assert (agent.message, agent.limits.iterations) == ("Write today's digest.", 12)
    assert [line.partition(":")[0] for line in found.lost] == [
        "extension developer", "parameters", "retry",
    ]  # fmt: skip


def test_jobs_of_openclaw_and_hermes() -> None:
    mail, look = map(agent_of, import_agents(json.dumps(OPENCLAW), "cron/jobs.json"))
    assert (mail.name, mail.instructions, mail.limits.timeout_seconds) == (
        "mail-check", "Check mail", 120,
    )  # fmt: skip
    assert mail.schedules[0].timezone == "America/New_York"
    assert describe(look.schedules[0]).startswith("Every hour")
    _, backup = only(json.dumps(HERMES), "jobs.json")
    assert describe(backup.schedules[0]).startswith("Every 2 hours")


@pytest.mark.parametrize(
    ("text", "path"),
    [("{}", "a.json"), ("[", "a.json"), ("a: [", "a.yaml"), ("a: 1", "a.yaml"), ("", "a.md"),
     ("x", "a.txt")],
)  # fmt: skip
def test_what_is_no_agent_is_refused(text: str, path: str) -> None:
    with pytest.raises(InvalidInput):
        import_agents(text, path)


def test_the_command_writes_disabled_agents_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "one.md").write_text(CLAUDE)
    (tmp_path / "broken.json").write_text("[")
    with temporary_workspace() as workspace:
        done = lamplighter(workspace, "agent", "import", str(tmp_path), "--json")
        broken, one = json.loads(done.stdout)
        assert "no JSON" in broken["error"]
        assert (one["file"], one["error"]) == ("agents/code-reviewer.md", "")
        workspace.write("agents/code-reviewer.md", "Mine.")
        again = lamplighter(workspace, "agent", "import", str(tmp_path / "one.md"))
        assert "there is such an agent already" in again.stdout
        assert (workspace.path / "agents/code-reviewer.md").read_text() == "Mine."
