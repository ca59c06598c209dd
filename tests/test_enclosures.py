"""The files of an effect, which somebody sees before they decide on it."""

import asyncio
import hashlib
import json
from pathlib import Path

from processes import lamplighter
from team import ANN, BO, made_team

from lamplighter.store.outbox import list_entries
from lamplighter.testing import call, temporary_workspace, turn

HEAD = "effects: hold\ntools: [write_file, deliver_file]"
TEXT = "name,sum\nAnn,7\x1b[2J\n"
HASH = hashlib.sha256(TEXT.encode()).hexdigest()
TURNS = [
    turn(call("write_file", path="table.csv", content=TEXT)),
    turn(call("deliver_file", path="table.csv")),
    # Changed afterwards: what was meant counts.
    turn(call("write_file", path="table.csv", content="nothing")),
    turn(call("report", summary="Done.")),
]


def test_a_file_that_waits_is_shown_and_saved_as_it_was_meant(tmp_path: Path) -> None:
    with temporary_workspace({"agents/post.md": f"---\n{HEAD}\n---\nGo."}) as workspace:
        workspace.run("post", TURNS)
        [entry] = list_entries(workspace.engine)
        shown = lamplighter(workspace, "outbox", "show", entry.id).stdout
        assert f"table.csv ({len(TEXT)} bytes, SHA-256 {HASH})\n    name,sum\n    Ann,7" in shown
        assert "\x1b" not in shown
        data = json.loads(lamplighter(workspace, "outbox", "show", entry.id, "--json").stdout)
        assert [(each["text"], each["whole"]) for each in data["files"]] == [(TEXT, True)]
        lamplighter(workspace, "outbox", "save", entry.id, "--to", str(tmp_path))
        [file] = (tmp_path / entry.id).iterdir()
        assert (file.name, file.read_text()) == ("1-table.csv", TEXT)


def test_over_http_it_is_saved_never_shown_and_only_for_whom_it_is() -> None:
    with made_team() as team:
        agent = team.agent(ANN, "digest", head=HEAD)
        asyncio.run(team.workspace.run_async(agent, team.workspace.script(TURNS)))
        [entry] = list_entries(team.workspace.engine)
        path = f"/api/v1/outbox/{entry.id}/files"
        [file] = team.browser(ANN).get(path).json()
        assert (file["path"], file["sha256"], file["text"]) == ("table.csv", HASH, TEXT)
        got = team.browser(ANN).get(f"{path}/{HASH}")
        assert got.text == TEXT
        assert got.headers["content-type"] == "application/octet-stream"
        assert got.headers["content-disposition"].startswith("attachment")
        assert team.browser(ANN).get(f"{path}/{'0' * 64}").status_code == 404
        assert team.browser(BO).get(path).status_code == 404
        assert team.browser(BO).get(f"{path}/{HASH}").status_code == 404
