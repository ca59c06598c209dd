"""Rowboat folders, written after the formats of both generations."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from lamplighter.store.runs import Run
from lamplighter.testing import Workspace, temporary_workspace

EMAIL_READER = """\
---
model: gpt-5.1
tools:
  read_file:
    type: builtin
    name: workspace-readFile
  list_dir:
    type: builtin
    name: workspace-readdir
---
# Email Reader Agent

Read emails from the gmail_sync folder and extract key information.
Look for unread or recent emails and summarize the sender, subject, and key points.
Don't ask for human input.
"""
DAILY_SUMMARY = """\
---
model: gpt-5.1
tools:
  email_reader:
    type: agent
    name: email_reader
  write_file:
    type: builtin
    name: workspace-writeFile
---
# Daily Summary Agent

1. Use the email_reader tool to get email summaries
2. Create a consolidated daily digest
3. Save the digest to ~/Desktop/daily_digest.md

Don't ask for human input.
"""
SCHEDULE = {
    "agents": {
        "daily_summary": {
            "schedule": {"type": "cron", "expression": "0 7 * * *"},
            "enabled": True,
            "description": "Daily email summary",
            "startingMessage": "Create my daily email digest",
        }
    }
}
THREAD = """\
# Lunch

**Thread ID:** 17ab
**Message Count:** 1

---

### From: Ann <ann@example.com>
**Date:** Mon, 2 Mar 2026 09:00:00 +0000

Lunch at noon?
"""
FEBRUARY = {
    "agents/email_reader.md": EMAIL_READER,
    "agents/daily_summary.md": DAILY_SUMMARY,
    "config/agent-schedule.json": json.dumps(SCHEDULE, indent=2),
    "config/models.json": json.dumps(
        {"provider": {"flavor": "openai", "apiKey": "sk-february-key"}, "model": "gpt-5.1"}
    ),
    "config/mcp.json": json.dumps({"mcpServers": {}}),
    "config/security.json": json.dumps(["cat", "ls"]),
    "gmail_sync/17ab.md": THREAD,
}
"""The seed's complete example."""

AUGUST = {
    "agents/inbox/sorter.md": """\
---
name: inbox/sorter
description: Sorts the inbox
model: claude-sonnet-5-5
provider: work
tools:
  file-list: {type: builtin, name: file-list}
  file-readText: {type: builtin, name: file-readText}
  file-editText: {type: builtin, name: file-editText}
  ask-human: {type: builtin, name: ask-human}
---
Sort the inbox.
""",
    "config/agent-schedule.json": json.dumps(
        {
            "agents": {
                "inbox/sorter": {
                    "schedule": {
                        "type": "window",
                        "cron": "0 0 * * *",
                        "startTime": "22:00",
                        "endTime": "02:00",
                    }
                }
            }
        }
    ),
    "config/models.json": json.dumps(
        {
            "version": 2,
            "providers": {"work": {"flavor": "anthropic", "apiKey": "sk-ant-august-key"}},
            "assistantModel": {"provider": "work", "model": "claude-sonnet-5-5"},
        }
    ),
    "config/security.json": json.dumps(
        {
            "allowedCommands": ["cat"],
            "allowedFileAccess": [{"operation": "read", "pathPrefix": "/srv/shared"}],
        }
    ),
    "skills/triage/SKILL.md": "---\nname: triage\ndescription: How to sort\n---\nBy sender.",
}


@contextmanager
def rowboat(files: Mapping[str, str], **settings: Any) -> Iterator[Workspace]:
    """A workspace that is such a folder, with nothing of Lamplighter's in it."""
    with temporary_workspace(files, **settings) as made:
        yield made


def play(workspace: Workspace, agent: str, parts: Mapping[str, Sequence[Mapping[str, Any]]]) -> Run:
    """Run an agent to its end, each agent on its part of a script."""
    file = workspace.write("script.yaml", json.dumps({"agents": parts}))
    return asyncio.run(workspace.run_async(agent, f"scripted:{file}"))
