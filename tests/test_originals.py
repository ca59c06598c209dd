"""The very file of a document, from its source into the run's files."""

import io
import itertools
import json
import mailbox
import os
import shutil
import sys
import zipfile
from collections.abc import Iterator
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import openpyxl
import pytest
from fpdf import FPDF
from sandboxes import SANDBOXED
from servers import ADDRESS, PASSWORD, TOKEN, mail_server, mcp_server, s3_server
from visits import NAME, Visited, visited

from lamplighter.access import OWNER, Scope
from lamplighter.engine.manual import request_run
from lamplighter.errors import ToolFailed
from lamplighter.originals import fetch_original
from lamplighter.testing import Workspace, call, temporary_workspace, turn
from lamplighter.tools.documents import Library, save_original
from lamplighter.tools.files import MAX_FILE_BYTES, Done, RunFiles

OWNERS = Scope.of([OWNER], [NAME])
NUMBERS = itertools.count()
KEYS = {"key": "test", "secret": "test"}


def workbook(*rows: tuple[str, int]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def pdf(text: str) -> bytes:
    made = FPDF()
    made.add_page()
    made.set_font("Helvetica", size=12)
    made.cell(text=text)
    return bytes(made.output())


COSTS = workbook(("tea", 12), ("rent", 800))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "papers"
    (made / "deep").mkdir(parents=True)
    (made / "deep" / "costs 1.csv").write_bytes(b"tea,12\nrent,800\n")
    (made / "plan.md").write_bytes(b"# The plan\nText.")
    return made


@pytest.fixture
def source(tmp_path: Path, folder: Path) -> Visited:
    made = visited(tmp_path, type="files", path=str(folder))
    made.sync()
    return made


def library(source: Visited, scope: Scope = OWNERS) -> Library:
    fetch = partial(fetch_original, source.engine, source.settings)
    return Library(source.engine, scope, fetch=fetch)


def run_files(source: Visited, quota_bytes: int = 50_000_000) -> RunFiles:
    agent = f"a{next(NUMBERS)}"
    (source.workspace / "agents").mkdir(exist_ok=True)
    (source.workspace / "agents" / f"{agent}.md").write_text("Go.")
    run = request_run(source.settings, source.engine, agent)
    return RunFiles(source.engine, run.id, quota_bytes)


def saved(source: Visited, path: str, **more: Any) -> tuple[Done, bytes]:
    """What the model is told, and the file that it can open."""
    files = run_files(source)
    done = save_original(library(source, **more), f"{NAME}:{path}", files)
    (name,) = done.changes
    assert f"Original: /workspace/{name} (" in done.text
    return done, files.read_bytes(name)


def refused(source: Visited, path: str, **more: Any) -> str:
    """Why there is no file; nothing is in the run's files then."""
    files = run_files(source)
    with pytest.raises(ToolFailed) as caught:
        save_original(library(source, **more), f"{NAME}:{path}", files)
    assert files.entries == {}
    return str(caught.value)


def test_office_files_come_byte_by_byte_with_their_endings(source: Visited, folder: Path) -> None:
    (folder / "deep" / "costs 1.xlsx").write_bytes(COSTS)
    (folder / "plan.pdf").write_bytes(pdf("The plan"))
    source.sync()
    done, content = saved(source, "deep/costs 1.xlsx")
    assert content == COSTS
    assert list(done.changes) == ["documents/it_deep_costs_1.xlsx"]
    assert f"({len(COSTS):,} bytes)\n" in done.text
    assert "tea" in done.text
    files = run_files(source)
    done = save_original(library(source), f"{NAME}:plan.pdf", files, "in/p.pdf")
    assert "The plan" in done.text
    assert files.read_bytes("in/p.pdf") == (folder / "plan.pdf").read_bytes()


def test_a_file_larger_than_other_tools_write_is_kept_whole(source: Visited, folder: Path) -> None:
    text = b"word " * (MAX_FILE_BYTES // 5 + 1)
    (folder / "large.txt").write_bytes(text)
    source.sync()
    files = run_files(source)
    (kept,) = save_original(library(source), f"{NAME}:large.txt", files).changes.values()
    assert kept is not None
    assert kept.size_bytes == len(text)


def test_an_invisible_document_is_as_an_absent_one(source: Visited, folder: Path) -> None:
    stranger = Scope.of(["user:eve@x.org"], [NAME])
    absent = refused(source, "no.md", scope=stranger).replace("no.md", "plan.md")
    (folder / "plan.md").unlink()  # nor does it show whether the file is there
    assert refused(source, "plan.md", scope=stranger) == absent
    assert refused(source, "plan.md", scope=Scope.of([OWNER], [])) == absent


def test_a_file_that_no_document_was_made_from_is_not_to_be_had(
    source: Visited, folder: Path
) -> None:
    (folder / "later.txt").write_text("not indexed")
    (folder / "server.pem").write_text("key")
    for path in ("later.txt", "server.pem", "../papers/plan.md", "deep/../plan.md"):
        assert "There is no document" in refused(source, path)


def test_what_is_too_large_by_now_is_not_read(source: Visited, folder: Path) -> None:
    source.configure(max_file_size_bytes=10)
    assert "over the limit of 10 (max_file_size_bytes)" in refused(source, "deep/costs 1.csv")


def test_what_has_no_room_in_the_runs_files_is_refused(source: Visited) -> None:
    files = run_files(source, quota_bytes=10)
    with pytest.raises(ToolFailed, match="at most 10 are kept"):
        save_original(library(source), f"{NAME}:deep/costs 1.csv", files)
    assert files.entries == {}


def test_a_file_that_changed_since_the_sync_is_given_as_it_is_and_that_is_said(
    source: Visited, folder: Path
) -> None:
    changed = b"coffee,3\n"
    (folder / "deep" / "costs 1.csv").write_bytes(changed)
    done, content = saved(source, "deep/costs 1.csv")
    assert content == changed
    assert "it has changed since it was indexed" in done.text
    source.sync()
    assert "has changed" not in saved(source, "deep/costs 1.csv")[0].text


def test_a_file_that_was_only_touched_has_not_changed(source: Visited, folder: Path) -> None:
    os.utime(folder / "plan.md", (1, 1))
    assert "changed" not in saved(source, "plan.md")[0].text


def test_a_file_that_is_gone_or_a_link_by_now_is_not_there(
    source: Visited, folder: Path, tmp_path: Path
) -> None:
    gone = "it is not in its source any more"
    (folder / "plan.md").rename(tmp_path / "plan.md")
    assert gone in refused(source, "plan.md")
    (folder / "plan.md").symlink_to(tmp_path / "plan.md")
    assert "a link out of the folder" in refused(source, "plan.md")
    (folder / "deep").rename(tmp_path / "deep")
    (folder / "deep").symlink_to(tmp_path / "deep")
    assert gone in refused(source, "deep/costs 1.csv")


def test_a_file_that_is_left_out_by_now_is_not_read(source: Visited) -> None:
    source.configure(exclude=["*.md"])
    assert "not in its source any more" in refused(source, "plan.md")


def test_where_the_settings_let_others_see_it_by_now_the_next_sync_decides(
    source: Visited,
) -> None:
    source.configure(folders={"deep": {"users": ["ann@x.org"]}})
    assert "after the next sync" in refused(source, "deep/costs 1.csv")
    source.sync()
    assert saved(source, "deep/costs 1.csv")[1] == b"tea,12\nrent,800\n"


def test_a_source_that_is_away_is_not_told_about(source: Visited, folder: Path) -> None:
    shutil.rmtree(folder)
    said = refused(source, "plan.md")
    assert "lamplighter source test it" in said
    assert str(folder) not in said


def test_a_members_source_reads_no_local_file_again(source: Visited) -> None:
    source.configure(owner="ann@x.org", access={})
    assert "cannot be read now" in refused(source, "plan.md")


def test_sources_of_texts_have_no_originals(tmp_path: Path) -> None:
    issues = [{"number": 1, "title": "Tea", "body": "Hot.", "html_url": "https://x.org/o/r/1"}]
    (tmp_path / "issues.json").write_text(json.dumps(issues))
    source = visited(tmp_path, type="github", path="issues.json")
    source.sync()
    (issue,) = source.documents()
    assert "its source gives texts only" in refused(source, issue.path)


def test_threads_events_and_attachments_of_rowboat_are_files(tmp_path: Path) -> None:
    synced = {
        "gmail_sync/1.md": b"# Tea\n\n### From: Ann <ann@x.org>\n\nGreen?",
        "gmail_sync/attachments/costs.xlsx": COSTS,
        "calendar_sync/e 1.json": b'{"summary": "Tea", "start": {"date": "2026-10-05"}}',
    }
    for path, content in synced.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    source = visited(tmp_path, type="rowboat_sync", path=".")
    source.sync()
    for path, content in synced.items():
        assert saved(source, path)[1] == content
    (tmp_path / "calendar_sync" / "e 1.json").write_text("{}")
    assert "has changed" in saved(source, "calendar_sync/e 1.json")[0].text
    (tmp_path / "calendar_sync" / "e 1.json").unlink()
    assert "not in its source any more" in refused(source, "calendar_sync/e 1.json")
    shutil.rmtree(tmp_path / "calendar_sync")
    assert "not in its source any more" in refused(source, "calendar_sync/e 1.json")


def see_resources(source: Visited, notes: Path) -> None:
    source.sync()
    sums, today = (each.path for each in source.documents())
    done, content = saved(source, sums)
    assert content == b"name,sum\nTea,3\n"
    assert list(done.changes) == ["documents/it_notes_3A_2F_2Fsums.csv"]
    assert saved(source, today)[1] == b"# Tea\nGreen."
    notes.write_text("# Tea\nBlack.")
    assert "has changed" in saved(source, today)[0].text


def test_a_resource_comes_from_its_mcp_server(tmp_path: Path) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("# Tea\nGreen.")
    args = [str(Path(__file__).with_name("mcp_server.py")), str(notes)]
    see_resources(visited(tmp_path, type="mcp", command=sys.executable, args=args), notes)
    notes.write_text("# Tea\nGreen.")
    far = tmp_path / "far"
    far.mkdir()
    with mcp_server(notes) as url:
        source = visited(far, type="mcp", url=url)
        source.keyring.put({"token": TOKEN})
        see_resources(source, notes)
    said = refused(source, source.documents()[0].path)
    assert "cannot be read now" in said
    assert url not in said


def test_a_file_of_an_archive_comes_out_of_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "old.zip", "w") as archive:
        archive.writestr("a/costs.xlsx", COSTS)
        archive.writestr("b/costs.xlsx", workbook(("other", 1)))
    source = visited(tmp_path, type="files", path="old.zip")
    source.sync()
    assert saved(source, "a/costs.xlsx")[1] == COSTS


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as url:
        yield url


def test_an_object_comes_from_its_bucket_within_the_bounds_of_its_source(
    tmp_path: Path, endpoint: str
) -> None:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    far = boto3.resource("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)
    bucket = far.create_bucket(Bucket="originals")
    bucket.put_object(Key="team/q3/costs.xlsx", Body=COSTS)
    source = visited(
        tmp_path,
        settings={"internal_networks": ["127.0.0.1/32"]},
        type="files",
        path="s3://originals/team",
        options={"endpoint_url": endpoint},
        owner="ann@x.org",
    )
    source.keyring.put(KEYS)
    source.sync()
    assert saved(source, "q3/costs.xlsx")[1] == COSTS
    guarded = visited(tmp_path, **source.config)
    assert "cannot be read now" in refused(guarded, "q3/costs.xlsx")
    bucket.put_object(Key="team/q3/costs.xlsx", Body=workbook(("milk", 1)))
    assert "has changed" in saved(source, "q3/costs.xlsx")[0].text


def letter() -> EmailMessage:
    made = EmailMessage()
    made["From"], made["Subject"], made["Message-ID"] = "bo@x.org", "Costs", "<1@x.org>"
    made["Date"] = "Mon, 05 Oct 2026 09:00:00 +0200"
    made.set_content("See the table.")
    kind = "vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    made.add_attachment(COSTS, maintype="application", subtype=kind, filename="costs.xlsx")
    return made


def see_attachment(source: Visited) -> None:
    source.sync()
    mail, table = source.documents()
    assert saved(source, table.path)[1] == COSTS
    assert "changed" not in saved(source, table.path)[0].text
    assert "its text is all there is" in refused(source, mail.path)


@pytest.mark.parametrize("form", [mailbox.mbox, mailbox.Maildir])
def test_an_attachment_comes_out_of_its_message(tmp_path: Path, form: Any) -> None:
    box = form(str(tmp_path / "box"))
    box.add(letter())
    box.close()
    see_attachment(visited(tmp_path, type="mail", path="box"))


def test_an_attachment_comes_from_its_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    with mail_server() as server:
        server.append(letter().as_bytes())
        account: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": server.port,
            "security": "none",
            "user": ADDRESS,
        }
        see_attachment(visited(tmp_path, type="mail", password="env:MAIL_PASSWORD", **account))


AGENT = """---
sources: [papers]
tools: [read_document, run_python]
---
Work."""


@pytest.fixture
def workspace(folder: Path) -> Iterator[Workspace]:
    (folder / "deep" / "costs 1.xlsx").write_bytes(COSTS)
    sources = {"papers": {"type": "files", "path": str(folder)}}
    with temporary_workspace({"agents/worker.md": AGENT}, sources=sources) as made:
        yield made


def answers(workspace: Workspace, code: str, expected: str) -> list[dict[str, Any]]:
    """What the tools gave: an original that is read, then a program."""
    read = call("read_document", id="papers:deep/costs 1.xlsx", original=True, name="costs.xlsx")
    turns = [
        turn(read),
        turn(call("run_python", code=code), expect=["<untrusted", "/workspace/costs.xlsx"]),
        turn(call("report", summary="Done."), expect=[expected]),
    ]
    run = workspace.run("worker", turns)
    assert run.outcome == "reported", run.summary
    return [event.data for event in workspace.events(run) if event.kind == "tool_result"]


@SANDBOXED
def test_a_program_of_the_run_finds_the_file(workspace: Workspace) -> None:
    code = "import zipfile; print('xl/workbook.xml' in zipfile.ZipFile('costs.xlsx').namelist())"
    read, ran = answers(workspace, code, "True")[:2]
    assert list(read["files"]) == ["costs.xlsx"]
    assert ran["result"].strip() == "True"


@SANDBOXED
@pytest.mark.toolbox
def test_pandas_opens_the_workbook(workspace: Workspace) -> None:
    code = "import pandas as p; t = p.read_excel('costs.xlsx', header=None, engine='openpyxl')"
    code += "; print(t[1].sum())"
    assert answers(workspace, code, "812")[1]["result"].strip() == "812"
