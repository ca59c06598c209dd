import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from processes import wait_until
from servers import Answer, Request, web_server

from lamplighter.credentials import Keyring
from lamplighter.errors import Conflict, InvalidInput, NotFound
from lamplighter.source_file import add_source, read_pairs, remove_source
from lamplighter.store.database import open_database
from lamplighter.workspace import load_settings

COMMENTED = '# mine\ntimezone = "UTC"  # stays\n\n[sources.notes]\npath = "notes"\n'


def lamplighter(
    workspace: Path, *arguments: str, stdin: str = ""
) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "lamplighter", "-w", str(workspace), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def keyring(workspace: Path, name: str) -> Keyring:
    settings = load_settings(workspace)
    engine = open_database(settings.database)
    return Keyring(engine, settings.key_path, name, settings.sources[name])


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "lamplighter.toml").write_text(COMMENTED)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "tea.md").write_text("# Tea")
    return tmp_path


def test_from_adding_to_removing(workspace: Path) -> None:
    with web_server(lambda _: Answer(json={"ok": True, "members": [], "channels": []})) as web:
        added = lamplighter(workspace, "source", "add", "chat", "slack", f"api_url={web.url}/")
        assert (added.returncode, added.stderr) == (0, "")
        failed = lamplighter(workspace, "source", "test", "chat")
        assert failed.returncode == 1
        assert "no token; give it with: lamplighter source login chat" in failed.stderr
        given = lamplighter(
            workspace, "source", "login", "chat", "--expires", "2026-12-01", stdin="xoxb-1\n"
        )
        assert "Stored" in given.stderr
        works = lamplighter(workspace, "source", "test", "--json")
        assert [each["works"] for each in json.loads(works.stdout)] == [True, True]
        assert web.requests[0].headers["authorization"] == "Bearer xoxb-1"
    assert lamplighter(workspace, "source", "remove", "chat").returncode == 130  # nobody said yes
    kept = keyring(workspace, "chat")
    assert kept.get("token") == "xoxb-1"
    assert lamplighter(workspace, "source", "remove", "chat", "--yes").returncode == 0
    assert (workspace / "lamplighter.toml").read_text().rstrip() == COMMENTED.rstrip()
    assert kept.get("token") is None


def test_sync_watch_goes_on_until_it_is_stopped(workspace: Path) -> None:
    command = [sys.executable, "-m", "lamplighter", "-w", str(workspace), "source", "sync"]
    process = subprocess.Popen([*command, "--watch", "--json"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, process.stdout:
        assert json.loads(process.stdout.readline())["added"] == 1
        (workspace / "notes" / "milk.md").write_text("# Milk")
        assert any(json.loads(line)["added"] == 1 for line in process.stdout)
        process.kill()


def test_a_secret_does_not_get_into_the_file(workspace: Path) -> None:
    arguments = ("source", "add", "mail", "mail", "host=x.org", "user=ann@x.org")
    done = lamplighter(workspace, *arguments, "password=hunter2")
    assert done.returncode == 2
    assert "hunter2" not in done.stderr
    (workspace / "lamplighter.toml").write_text(
        f'{COMMENTED}[sources.mail]\ntype = "mail"\nhost = "x.org"\npassword = "hunter2"\n'
    )
    done = lamplighter(workspace, "source", "list")
    assert "does not belong into this file" in done.stderr
    assert "hunter2" not in done.stderr


def test_the_file_is_only_added_to(workspace: Path) -> None:
    table = read_pairs(
        ["type=feeds", "urls=https://a.org/x,https://b.org/y", "access.users=ann@x.org"]
    )
    add_source(workspace, "news", table)
    text = (workspace / "lamplighter.toml").read_text()
    assert text.startswith(COMMENTED)
    assert load_settings(workspace).sources["news"].model_dump()["urls"] == (
        "https://a.org/x",
        "https://b.org/y",
    )
    remove_source(workspace, "news")
    assert (workspace / "lamplighter.toml").read_text().rstrip() == COMMENTED.rstrip()


def test_what_cannot_be_added(workspace: Path) -> None:
    with pytest.raises(Conflict, match="already"):
        add_source(workspace, "notes", {"type": "files", "path": "x"})
    with pytest.raises(InvalidInput, match=r"sources\.a\.paht"):
        add_source(workspace, "a", {"type": "files", "path": "x", "paht": "y"})
    with pytest.raises(InvalidInput, match="no name"):
        add_source(workspace, "a b", {"type": "files", "path": "x"})
    with pytest.raises(InvalidInput, match="key=value"):
        read_pairs(["path"])
    with pytest.raises(NotFound):
        remove_source(workspace, "nothing")
    unknown = lamplighter(workspace, "source", "add", "it", "telepathy", "to=ann")
    assert "no type of sources 'telepathy' (there are: files, mail" in unknown.stderr
    assert unknown.returncode == 2
    assert (workspace / "lamplighter.toml").read_text() == COMMENTED


def test_signing_in_with_the_browser(workspace: Path) -> None:
    """The provider checks the code and its verifier as RFC 7636 asks."""
    asked: dict[str, list[str]] = {}

    def answer(request: Request) -> Answer:
        assert request.form["code"] == "the-code"
        assert request.form["redirect_uri"] == asked["redirect_uri"][0]
        assert len(request.form["code_verifier"]) >= 43
        told = {"access_token": "a1", "refresh_token": "r1", "expires_in": 60}
        return Answer(json=told | {"refresh_token_expires_in": 864000})

    with web_server(answer) as provider:
        table = {"client_id": "c", "authorize_url": "https://p.org/auth", "token_url": provider.url}
        add_source(
            workspace,
            "mail",
            {"type": "mail", "host": "x.org", "user": "ann@x.org", "oauth2": table},
        )
        command = [sys.executable, "-m", "lamplighter", "-w", str(workspace), "source", "login"]
        process = subprocess.Popen([*command, "mail"], stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        said: list[str] = []
        reader = threading.Thread(target=said.extend, args=(process.stderr,))
        reader.start()
        found = wait_until(
            lambda: re.search(r"https://p\.org/auth\S+", "".join(said)), "the address to open"
        )
        asked |= parse_qs(urlsplit(found[0]).query)
        back = f"{asked['redirect_uri'][0]}?code=the-code&state={asked['state'][0]}"
        assert "Signed in" in httpx.get(back, trust_env=False).text
        assert process.wait(30) == 0
        reader.join()
        process.stderr.close()
    assert keyring(workspace, "mail").get("refresh_token") == "r1"
