import json
import os
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from processes import run_warm
from servers import PASSWORD, sftp_server, webdav_server

CONFIG = """
timezone = "Europe/Berlin"
[sources.notes]
path = "notes"
"""


def lamplighter(workspace: Path, *arguments: str) -> CompletedProcess[str]:
    return run_warm("-w", str(workspace), *arguments, environment=os.environ)


def data(workspace: Path, *arguments: str) -> Any:
    """The one JSON document on stdout of a command that ends well."""
    done = lamplighter(workspace, *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "lamplighter.toml").write_text(CONFIG)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "tea.md").write_text("---\ndate: 2026-10-05\n---\n# Tea\nGreen tea.")
    (tmp_path / "notes" / "\x1b[31mred.bin").write_bytes(b"\0")
    (tmp_path / "notes" / "b.bin").write_bytes(b"\0")
    for file in (tmp_path / "notes").iterdir():
        os.utime(file, (1_760_000_000, 1_760_000_000))
    return tmp_path


def test_a_sync_says_what_it_did_and_what_it_skipped(workspace: Path) -> None:
    done = lamplighter(workspace, "source", "sync")
    assert (done.returncode, done.stderr) == (0, "")
    assert "notes: 1 added, 0 updated, 0 deleted, 0 unchanged, 2 skipped" in done.stdout
    assert "skipped notes:b.bin: a binary file" in done.stdout
    assert "\x1b" not in done.stdout


def test_sync_list_and_search_as_json(workspace: Path) -> None:
    before = {
        "name": "notes",
        "type": "files",
        "target": "notes",
        "every_seconds": 900.0,
        "documents": 0,
        "skipped": 0,
        "synced_at": None,
        "error": None,
    }
    assert data(workspace, "source", "list") == [before]

    (report,) = data(workspace, "source", "sync", "notes")
    assert report["seconds"] >= 0
    assert [item["path"] for item in report.pop("skipped")] == ["\x1b[31mred.bin", "b.bin"]
    del report["seconds"]
    assert report == {
        "name": "notes",
        "added": 1,
        "updated": 0,
        "deleted": 0,
        "unchanged": 0,
        "error": None,
    }

    (after,) = data(workspace, "source", "list", "--skipped")
    assert (after["documents"], after["skipped"]) == (1, 2)
    assert after["synced_at"].endswith("+00:00")
    assert after["skipped_documents"][1]["reason"].startswith("a binary file")

    (hit,) = data(workspace, "search", "green", "tea")
    assert 0 < hit.pop("score") <= 1
    assert [hit] == [
        {
            "id": "notes:tea.md",
            "title": "Tea",
            "source": "notes",
            "date": "2026-10-05",
            "snippet": "--- date: 2026-10-05 --- # **Tea** **Green** **tea**.",
        }
    ]


def test_a_search_for_people_shows_title_date_id_and_snippet(workspace: Path) -> None:
    lamplighter(workspace, "source", "sync")
    done = lamplighter(workspace, "search", "tea")
    assert done.stdout.splitlines()[:2] == ["Tea (2026-10-05)", "  notes:tea.md"]
    assert "Nothing found" in lamplighter(workspace, "search", "coffee").stderr


def test_a_search_before_any_sync_says_so(workspace: Path) -> None:
    done = lamplighter(workspace, "search", "tea", "--json")
    assert (done.returncode, done.stdout.strip()) == (0, "[]")
    assert "Nothing has been read yet. First: lamplighter source sync" in done.stderr


def test_a_source_that_fails_is_exit_code_1_and_the_others_are_synced(workspace: Path) -> None:
    config = f'{CONFIG}[sources.gone]\npath = "nowhere"\n'
    (workspace / "lamplighter.toml").write_text(config)
    done = lamplighter(workspace, "source", "sync")
    assert done.returncode == 1
    assert "notes: 1 added" in done.stdout
    assert "no folder" in done.stderr
    assert "no folder" in lamplighter(workspace, "source", "list").stdout


@pytest.mark.parametrize("serve", [sftp_server, webdav_server])
def test_a_wrong_password_is_reported_on_its_source_alone_and_never_shown(
    workspace: Path, tmp_path_factory: pytest.TempPathFactory, serve: Any
) -> None:
    with serve(tmp_path_factory.mktemp("far")) as address:
        host, _, port = address.partition(":")
        where = f"webdav://{address}/" if serve is webdav_server else f"sftp://{host}/"
        options = "" if serve is webdav_server else f", port = {port}"
        config = f'''
[sources.far]
path = "{where}"
options = {{username = "ann", password = "env:FAR_PASSWORD"{options}}}
'''
        (workspace / "lamplighter.toml").write_text(CONFIG + config)
        (workspace / ".env").write_text("FAR_PASSWORD=hunter2\n")
        done = lamplighter(workspace, "source", "sync")
        tried = lamplighter(workspace, "source", "test", "far")
        assert (done.returncode, tried.returncode) == (1, 1)
        assert "notes: 1 added" in done.stdout
        far = next(each for each in data(workspace, "source", "list") if each["name"] == "far")
        shown = lamplighter(workspace, "source", "list", "--skipped")
        [notice] = data(workspace, "notice", "list")
        for said in (done.stderr, tried.stderr, far["error"], notice["message"]):
            assert f"source far: {where} does not let us in" in said
            assert "lamplighter source login far" in said
        everything = (done, tried, shown, far, notice)
        assert "hunter2" not in "".join(map(str, everything))
        (workspace / ".env").write_text(f"FAR_PASSWORD={PASSWORD}\n")
        assert lamplighter(workspace, "source", "sync").returncode == 0
        assert all(each["error"] is None for each in data(workspace, "source", "list"))


@pytest.mark.parametrize(
    "arguments", [("source", "sync", "mail"), ("search", "tea", "--source", "mail")]
)
def test_an_unknown_source_is_exit_code_5(workspace: Path, arguments: tuple[str, ...]) -> None:
    done = lamplighter(workspace, *arguments)
    assert (done.returncode, done.stdout) == (5, "")
    assert "no source 'mail' in lamplighter.toml; configured: notes" in done.stderr


def test_a_query_without_a_word_is_exit_code_2(workspace: Path) -> None:
    assert lamplighter(workspace, "search", "!?").returncode == 2


def test_without_sources_it_shows_how_to_name_one(workspace: Path) -> None:
    (workspace / "lamplighter.toml").write_text("")
    for arguments in (("source", "list"), ("source", "sync")):
        done = lamplighter(workspace, *arguments)
        assert done.returncode == 0
        assert "[sources.notes]" in done.stdout


def test_many_skipped_documents_are_cut_short(workspace: Path) -> None:
    for number in range(30):
        (workspace / "notes" / f"{number}.bin").write_bytes(b"\0")
    done = lamplighter(workspace, "source", "sync")
    assert "and 12 more; all of them: lamplighter source list --skipped" in done.stdout
    listed = lamplighter(workspace, "source", "list", "--skipped")
    assert listed.stdout.count("skipped notes:") == 32
