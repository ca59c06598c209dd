"""A team's workspace, its people, and what they ask over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import FastAPI
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    ToolCallPart,
)
from starlette.testclient import TestClient

from lamplighter import clock
from lamplighter.access import Access
from lamplighter.accounts import RIGHTS, Caller, make_token
from lamplighter.engine.chat import begin_chat
from lamplighter.roster import Roster
from lamplighter.store.agents import current_versions
from lamplighter.store.chat_approvals import Approval, add_approvals, approval_id
from lamplighter.store.chats import end_turn
from lamplighter.store.documents import Changes, NewDocument, apply_changes
from lamplighter.store.runs import Run, add_runs, finish_run, new_run_id, start_run
from lamplighter.store.sessions import add_session
from lamplighter.store.users import add_user
from lamplighter.testing import Workspace, temporary_workspace
from lamplighter.web.app import create_app

ROOT = "root@x.org"
ANN = "ann@x.org"
BO = "bo@x.org"
GONE = "gone@x.org"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
NOTES = {"notes": {"path": "notes"}}
TOML = 'timezone = "UTC"\n[team]\n[sources.notes]\npath = "notes"\n'
"""What processes of their own read."""


@dataclass(frozen=True)
class Team:
    """A workspace with an admin and three members, of whom one will be gone."""

    workspace: Workspace
    app: FastAPI

    @property
    def roster(self) -> Roster:
        return Roster(self.workspace.settings, self.workspace.engine)

    def session(self, user: str) -> str:
        """What the cookie of somebody who has just signed in holds."""
        now = clock.now()
        with self.workspace.engine.begin() as connection:
            return add_session(connection, user, now, now + timedelta(hours=1))

    def browser(self, user: str | None = None) -> TestClient:
        """The browser of a user on our own page, or of somebody unknown."""
        client = TestClient(self.app, base_url="http://127.0.0.1", headers=SAME_ORIGIN)
        client.follow_redirects = False
        if user:
            client.cookies.set(self.app.state.cookie, self.session(user))
        return client

    def program(self, user: str, *rights: str) -> TestClient:
        """A program with a user's token."""
        _, text = make_token(self.workspace.engine, user, "test", rights or RIGHTS, None)
        headers = {"Authorization": f"Bearer {text}"}
        return TestClient(self.app, base_url="http://127.0.0.1", headers=headers)

    def agent(self, user: str, name: str, *, org: bool = False, head: str = "") -> str:
        """Make an agent; gives its whole name."""
        head = f"{'type: org' if org else ''}\n{head}\n"
        caller = Caller(user, admin=org or user == ROOT)
        text = f"---\n{head}---\nDo what {user} wants."
        entry = self.roster.draft(caller, name, text, of_organisation=org)
        return self.roster.create(caller, entry).name

    def document(self, path: str, text: str, access: Access) -> str:
        """Put a document into the source ``notes``; gives its id."""
        now = clock.now()
        document = NewDocument(
            path=path,
            title=path,
            media_type="text/markdown",
            text=text,
            dated_at=now,
            size_bytes=len(text),
            fingerprint=text,
            access=access,
        )
        with self.workspace.engine.begin() as connection:
            apply_changes(connection, "notes", Changes(saved={path: document}), now=now)
        return f"notes:{path}"

    def run(self, agent: str) -> str:
        """A run of an agent that has ended; gives its id."""
        now = clock.now()
        with self.workspace.engine.begin() as connection:
            version, _message = current_versions(connection, [agent])[agent]
            run = Run(
                id=new_run_id(),
                agent=agent,
                version=version,
                trigger="manual",
                message="",
                status="pending",
                created_at=now,
            )
            add_runs(connection, [run])
            start_run(connection, run.id, "worker", now)
            ending: dict[str, Any] = {"status": "completed", "outcome": "reported"}
            finish_run(connection, run.id, "worker", **ending, finished_at=now)
        return run.id

    def asking_chat(self, user: str, agent: str) -> tuple[str, str]:
        """A chat of a user's whose first turn waits for an approval; gives the ids of both."""
        begun = begin_chat(self.roster, Caller(user, admin=False), agent, "Deliver it.")
        [turn], now = begun.turns, clock.now()
        assert turn.run_id is not None
        approval = Approval(
            id=approval_id(turn.run_id, "call"),
            chat=begun.chat.id,
            run_id=turn.run_id,
            call="call",
            tool="deliver_file",
            name="deliver_file",
            arguments={"path": "a.md"},
            asked=user,
            created_at=now,
            expires_at=now + timedelta(hours=24),
        )
        part = ToolCallPart("deliver_file", approval.arguments, tool_call_id="call")
        said: list[ModelMessage] = [
            ModelRequest.user_text_prompt("Deliver it."),
            ModelResponse(parts=[part]),
        ]
        with self.workspace.engine.begin() as connection:
            start_run(connection, turn.run_id, "worker", now)
            ending: dict[str, Any] = {"status": "completed", "outcome": "awaiting_approval"}
            finish_run(connection, turn.run_id, "worker", **ending, finished_at=now)
            messages = ModelMessagesTypeAdapter.dump_python(said, mode="json")
            end_turn(connection, turn.run_id, outcome="awaiting_approval", messages=messages)
            add_approvals(connection, [approval])
        return begun.chat.id, approval.id


@contextmanager
def made_team(**settings: Any) -> Iterator[Team]:
    """A team's workspace, gone at the end."""
    given = {"agents_enabled": True, "sources": NOTES} | settings
    with temporary_workspace({"lamplighter.toml": TOML}, **{"team": {}} | given) as workspace:
        with workspace.engine.begin() as connection:
            for user in (ROOT, ANN, BO, GONE):
                add_user(connection, user, clock.now(), admin=user == ROOT)
        yield Team(workspace, create_app(workspace.settings, workspace.engine))
